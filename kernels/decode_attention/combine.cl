// The ranges of `attend` put together: a work-group a query, SLICES of its ranges side by side. A
// range of which a query sees nothing has a maximum of minus infinity, and so no weight.
// DTYPE, D, GROUP, TAIL, SLICES.
#include "group.clh"
#include "queries.clh"
#include "types.clh"

kernel __attribute__((reqd_work_group_size(D * SLICES, 1, 1)))
void combine(const global float* sums, const global float2* states, const global int* lengths,
             global TYPE(DTYPE)* out, int kv_heads, int each, int splits) {
    local float scratch[D * SLICES], totals[SLICES];
    int query = get_group_id(0), pair = query / QUERIES, item = get_local_id(0);
    int column = item % D, slice = item / D;
    int used = (lengths[pair / kv_heads] + each - 1) / each;
    size_t first = (size_t)pair * splits * QUERIES + query % QUERIES;  // the next range's: QUERIES on
    float top = -INFINITY, sum = 0, total = 0;
    for (int i = item; i < used; i += D * SLICES) top = fmax(top, states[first + i * QUERIES].x);
    top = group_max(top, scratch);
    for (int i = slice; i < used; i += SLICES) {
        float2 state = states[first + i * QUERIES];
        float weight = exp2(state.x - top);
        total += weight * state.y;
        sum += weight * sums[(first + i * QUERIES) * D + column];
    }
    scratch[item] = sum;
    if (column == 0) totals[slice] = total;
    barrier(CLK_LOCAL_MEM_FENCE);
    if (slice == 0) {
        for (int s = 1; s < SLICES; s++) {
            sum += scratch[s * D + column];
            total += totals[s];
        }
        size_t to = query_place(pair, kv_heads, query % QUERIES * D + column);
        AS(store, DTYPE)(sum / total, to, out);
    }
}
