// y = x W^T + b for up to MBLOCKS * DPAS_M rows of x on the matrix engine; PAIRED as in gemv.cl. So
// many further rows, for work-groups along the second axis, read W once more.
//
// A sub-group takes TILES times SUBGROUP rows of W, one a work-item and tile (PAIRED: of G and of
// U), and every SPLIT-th 64 of K. Each work-item unpacks its own row: its scale is its own too, and
// is applied to the product of 64, in float. Sub-groups of a work-group that share rows add theirs
// in local memory.
//
// Macros: those of weights.clh and dpas.clh, MBLOCKS, TILES, GROUPS, SPLIT, PAIRED.
#include "dpas.clh"
#include "fragments.clh"

#define LOADED (TILES * (1 + PAIRED))
#define ROWS (MBLOCKS * DPAS_M)

__attribute__((intel_reqd_sub_group_size(SUBGROUP)))
__attribute__((reqd_work_group_size(SUBGROUP * SPLIT * GROUPS, 1, 1)))
kernel void gemm(global const half *x, global const uchar *codes, global const SCALE *scales,
                 global const half *bias, global half *out, int m, const int n, const int k) {
    const int item = get_sub_group_local_id();
    const int share = get_sub_group_id() % SPLIT, group = get_sub_group_id() / SPLIT;
    const int first = (get_group_id(0) * GROUPS + group) * TILES * SUBGROUP + item;
    const int blocks = k / 64, above = get_group_id(1) * ROWS;
    x += above * (size_t)k, out += above * (size_t)n, m -= above;

    // past the end the last row stands in, and is not written
    int row[LOADED];
    UNROLL for (int t = 0; t < LOADED; t++)
        row[t] = min(first + t % TILES * SUBGROUP, n - 1) + t / TILES * n;

    float sums[LOADED][MBLOCKS][DPAS_M] = {0};
    for (int block = share; block < blocks; block += SPLIT) {
        UNROLL for (int b = 0; b < MBLOCKS; b++) {
            dpas_a_element a[4][DPAS_M];
            UNROLL for (int i = 0; i < DPAS_M; i++) {
                dpas_a_element steps[4];
                load_a(x + (size_t)min(b * DPAS_M + i, m - 1) * k + block * 64, item, steps);
                UNROLL for (int s = 0; s < 4; s++) a[s][i] = steps[s];
            }
            dpas_acc less = 0;
#if SURPLUS
            UNROLL for (int s = 0; s < 4; s++) less = dpas(dpas_vector(a[s]), surplus_of(s), less);
#endif
            UNROLL for (int t = 0; t < LOADED; t++) {
                const size_t at = (size_t)row[t] * blocks + block;
                uint w[WORDS];
                UNROLL for (int i = 0; i < WORDS / 4; i++)
                    vstore4(vload4(at * (WORDS / 4) + i, (global const uint *)codes), i, w);
                const dpas_acc sum = dpas_vector(sums[t][b]);
                dpas_acc product = BLOCK ? less : sum;
                UNROLL for (int s = 0; s < 4; s++)
                    product = dpas(dpas_vector(a[s]), fragment(w, s), product);
#if BLOCK
                product = mad(product, (float)scales[at], sum);
#endif
                dpas_store(product, sums[t][b]);
            }
        }
    }

    local float shares[GROUPS][SPLIT][LOADED * ROWS][SUBGROUP];
    UNROLL for (int t = 0; t < LOADED; t++)
        UNROLL for (int i = 0; i < ROWS; i++)
            shares[group][share][t * ROWS + i][item] = sums[t][i / DPAS_M][i % DPAS_M];
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int at = share; at < TILES * ROWS; at += SPLIT) {
        const int column = first + at / ROWS * SUBGROUP, i = at % ROWS;
        if (column >= n || i >= m) continue;
        float y = bias ? (float)bias[column] : 0, up = 0;
        for (int s = 0; s < SPLIT; s++) {
            y += shares[group][s][at][item];
            if (PAIRED) up += shares[group][s][at + (LOADED - TILES) * ROWS][item];
        }
        out[(size_t)i * n + column] = PAIRED ? y / (1 + exp(-y)) * up : y;
    }
}
