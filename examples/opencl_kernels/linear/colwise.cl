// out = x W^T + bias for one row of x. A sub-group has 16 rows of W, a work-item one of them, so
// that no sum crosses items; SPLIT sub-groups share the rows and split K between them.
// Each loads AHEAD times 16 bytes of its row before it needs the first.
//
// Macros: SUBGROUP (16), SPLIT, AHEAD.
#pragma OPENCL EXTENSION cl_khr_fp16 : enable
#define UNROLL __attribute__((opencl_unroll_hint))

__attribute__((intel_reqd_sub_group_size(SUBGROUP)))
__attribute__((reqd_work_group_size(SUBGROUP * SPLIT, 1, 1)))
kernel void colwise(global const half *x, global const uint4 *codes, global const half *scales,
                    global const half *bias, global half *out, int n, int k) {
  const int lane = get_sub_group_local_id(), share = get_sub_group_id(), tile = get_group_id(1);
  codes += (size_t)tile * (k / 32) * SUBGROUP + lane;
  scales += (size_t)tile * (k / 64) * SUBGROUP + lane;
  float sum = 0;
  for (int c = share; c < k / 32; c += SPLIT * AHEAD) {
    uint4 loaded[AHEAD];
    UNROLL for (int a = 0; a < AHEAD; a++) {
      const int at = c + a * SPLIT;
      loaded[a] = at < k / 32 ? codes[at * SUBGROUP] : (uint4)(0);
    }
    UNROLL for (int a = 0; a < AHEAD; a++) {
      const int at = c + a * SPLIT;
      if (at >= k / 32) break;
      // byte i of a block of 64 holds weights i and i + 32, each plus 8
      global const half *v = x + (at >> 1) * 64 + (at & 1) * 16;
      const uint words[4] = {loaded[a].x, loaded[a].y, loaded[a].z, loaded[a].w};
      float part = 0;
      UNROLL for (int i = 0; i < 4; i++) {
        UNROLL for (int b = 0; b < 4; b++) {
          const int byte = words[i] >> (8 * b) & 255;
          part = mad((float)((byte & 15) - 8), (float)v[4 * i + b], part);
          part = mad((float)((byte >> 4) - 8), (float)v[32 + 4 * i + b], part);
        }
      }
      sum = mad(part, (float)scales[(at >> 1) * SUBGROUP], sum);
    }
  }
  local float shares[SPLIT][SUBGROUP];
  shares[share][lane] = sum;
  barrier(CLK_LOCAL_MEM_FENCE);
  if (share == 0) {
    for (int s = 1; s < SPLIT; s++) sum += shares[s][lane];
    const int row = tile * SUBGROUP + lane;
    out[row] = sum + (bias ? (float)bias[row] : 0);
  }
}
