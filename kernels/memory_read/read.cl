// Sums of a buffer's words, modulo 2^32.
//
// LOCAL: work-items of a group. WIDTH: words a load. UNROLL: loads in flight. SHARES: a group
// reads a contiguous share; else groups take turns. SUBGROUP: loads are blocks of a sub-group.
#define ADD4(t) ((t).s0 + (t).s1 + (t).s2 + (t).s3)
#define ADD8(t) (ADD4((t).lo) + ADD4((t).hi))
#define ADD16(t) (ADD8((t).lo) + ADD8((t).hi))
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define ADD JOIN(ADD, WIDTH)
#define WORDS JOIN(uint, WIDTH)
#if SUBGROUP
#define AT(i) JOIN(intel_sub_group_block_read, WIDTH)(words + ((i) - (i) % SUBGROUP) * WIDTH)
__attribute__((intel_reqd_sub_group_size(SUBGROUP)))
#else
#define AT(i) JOIN(vload, WIDTH)((i), words)
#endif
__attribute__((reqd_work_group_size(LOCAL, 1, 1)))
kernel void read(global const uint *words, global uint *partial, ulong vectors) {
  local uint sums[LOCAL];
  const size_t lane = get_local_id(0), group = get_group_id(0), groups = get_num_groups(0);
  // a turn is what a group reads at once; what is no whole turn is left to the first group
  const size_t turn = (size_t)LOCAL * UNROLL, turns = vectors / turn;
#if SHARES
  const size_t first = turns * group / groups, last = turns * (group + 1) / groups, step = 1;
#else
  const size_t first = group, last = turns, step = groups;
#endif
  WORDS total[UNROLL];
  for (int u = 0; u < UNROLL; u++) total[u] = 0;
  for (size_t t = first; t < last; t += step)
    for (int u = 0; u < UNROLL; u++) total[u] += AT(t * turn + u * LOCAL + lane);
  if (group == 0)
    for (size_t i = turns * turn + lane; i < vectors; i += LOCAL) total[0] += AT(i);
  for (int u = 1; u < UNROLL; u++) total[0] += total[u];
  sums[lane] = ADD(total[0]);
  for (int half_way = LOCAL / 2; half_way > 0; half_way /= 2) {
    barrier(CLK_LOCAL_MEM_FENCE);
    if (lane < half_way) sums[lane] += sums[lane + half_way];
  }
  if (lane == 0) partial[group] = sums[0];
}

// The sum of the groups' sums: one group.
__attribute__((reqd_work_group_size(LOCAL, 1, 1)))
kernel void finish(global const uint *partial, global long *out, int groups) {
  local uint sums[LOCAL];
  const int lane = get_local_id(0);
  uint total = 0;
  for (int i = lane; i < groups; i += LOCAL) total += partial[i];
  sums[lane] = total;
  for (int half_way = LOCAL / 2; half_way > 0; half_way /= 2) {
    barrier(CLK_LOCAL_MEM_FENCE);
    if (lane < half_way) sums[lane] += sums[lane + half_way];
  }
  if (lane == 0) out[0] = sums[0];
}
