// y = x W^T + b for one row of x; with PAIRED, silu(x G^T) * (x U^T), W being G and then U. The
// next row of x is the next work-group's, for the same rows of W while these are in a cache.
//
// A sub-group takes ROWS rows of W (PAIRED: of G and of U) and every SPLIT-th stretch of K. Each
// work-item loads sixteen bytes of each row, a sub-group together SUBGROUP * 16 that follow each
// other, before any is used; activations come from the cache and serve all rows. Products are exact
// in float and summed there, scales are applied once a block and work-item. No matrix engine: at
// one row it would be 7/8 idle.
//
// One float is left of each row and sub-group; those of one work-group that share rows add theirs
// in local memory.
//
// Macros: those of weights.clh, ROWS, GROUPS (sub-groups of a work-group that have different rows),
// SPLIT (those that share them), PAIRED, SUBGROUP.
#include "weights.clh"

#define LOADED (ROWS * (1 + PAIRED))

__attribute__((intel_reqd_sub_group_size(SUBGROUP)))
__attribute__((reqd_work_group_size(SUBGROUP * SPLIT * GROUPS, 1, 1)))
kernel void gemv(global const ACTIVATION *x, global const uchar *codes, global const SCALE *scales,
                 global const ACTIVATION *bias, global ACTIVATION *out, const int n, const int k) {
    const int lane = get_sub_group_local_id();
    const int share = get_sub_group_id() % SPLIT, group = get_sub_group_id() / SPLIT;
    const int first = (get_group_id(1) * GROUPS + group) * ROWS;
    const int whole = k / LANE * LANE;
    const size_t stride = (size_t)k * 16 / LANE;
    x += get_group_id(0) * (size_t)k, out += get_group_id(0) * (size_t)n;

    // past the end the last row stands in, and is not written
    int row[LOADED];
    UNROLL for (int r = 0; r < LOADED; r++) row[r] = min(first + r % ROWS, n - 1) + r / ROWS * n;
    global const uchar *from[LOADED];
    UNROLL for (int r = 0; r < LOADED; r++) from[r] = codes + row[r] * stride;

    float sum[LOADED] = {0};
    for (int at = (share * SUBGROUP + lane) * LANE; at < whole; at += SPLIT * SUBGROUP * LANE) {
        uint4 q[LOADED];
        UNROLL for (int r = 0; r < LOADED; r++) q[r] = load_16(from[r] + at / (LANE / 4) * 4);
        float product[LOADED], total = 0;
        UNROLL for (int part = 0; part < LANE / PART; part++) {
            float v[PART];
            load_x(x, at, part, v);
            const float less = surplus(v);
#if MINIMUM
            for (int i = 0; i < PART; i++) total += v[i];
#endif
            UNROLL for (int r = 0; r < LOADED; r++)
                product[r] = dot(q[r], part, v, part ? product[r] + less : less);
        }
        UNROLL for (int r = 0; r < LOADED; r++) {
#if MINIMUM
            const int of = 2 * (row[r] * (k / BLOCK) + at / BLOCK);
            sum[r] = mad(product[r], (float)scales[of], mad(total, (float)scales[of + 1], sum[r]));
#elif BLOCK
            sum[r] = mad(product[r], (float)scales[row[r] * (k / BLOCK) + at / BLOCK], sum[r]);
#else
            sum[r] += product[r];
#endif
        }
    }
#if !BLOCK
    if (share == 0 && whole + lane < k)
        UNROLL for (int r = 0; r < LOADED; r++)
            sum[r] = mad(weight_at(from[r], whole + lane), (float)x[whole + lane], sum[r]);
#endif

    float mine = 0, other = 0;  // work-item r gets row r's sum
    UNROLL for (int r = 0; r < ROWS; r++) {
        const float y = sub_group_reduce_add(sum[r]);
        mine = lane == r ? y : mine;
#if PAIRED
        const float up = sub_group_reduce_add(sum[ROWS + r]);
        other = lane == r ? up : other;
#endif
    }
#if SPLIT > 1
    local float shares[1 + PAIRED][GROUPS][SPLIT][ROWS];
    if (lane < ROWS) {
        shares[0][group][share][lane] = mine;
        if (PAIRED) shares[PAIRED][group][share][lane] = other;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    if (share == 0 && lane < ROWS)
        for (int s = 1; s < SPLIT; s++) {
            mine += shares[0][group][s][lane];
            if (PAIRED) other += shares[PAIRED][group][s][lane];
        }
#endif
    if (share == 0 && lane < ROWS && first + lane < n) {
        float y = mine;
        if (bias) y += (float)bias[first + lane];
        if (PAIRED) y = y / (1 + exp(-y)) * other;
        out[first + lane] = y;
    }
}
