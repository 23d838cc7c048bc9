// y = x W^T + b for up to MBLOCKS * DPAS_M rows of x on the matrix engine; PAIRED as in gemv.cl.
//
// A sub-group takes TILES times SUBGROUP rows of W, one a work-item and tile (PAIRED: of G and of
// U), and every SPLIT-th 64 of K. Each work-item unpacks its own row: its scale is its own too, and
// is applied to the product of 64, in float. x is read as float would need it, once a sub-group.
// Sub-groups of a work-group that share rows add up in local memory.
//
// Macros: those of weights.clh and dpas.clh, MBLOCKS, TILES, GROUPS, SPLIT, PAIRED.
#include "dpas.clh"
#include "fragments.clh"

#define LOADED (TILES * (1 + PAIRED))
#define ROWS (MBLOCKS * DPAS_M)

__attribute__((intel_reqd_sub_group_size(SUBGROUP)))
__attribute__((reqd_work_group_size(SUBGROUP * SPLIT * GROUPS, 1, 1)))
kernel void gemm(global const half *x, global const uchar *codes, global const SCALE *scales,
                 global const half *bias, global half *out, const int m, const int n, const int k) {
    const int item = get_sub_group_local_id();
    const int share = get_sub_group_id() % SPLIT, group = get_sub_group_id() / SPLIT;
    const int first = (get_group_id(0) * GROUPS + group) * TILES * SUBGROUP + item;
    const int blocks = k / 64;

    // past the end the last row stands in, and is not written
    int row[LOADED];
    UNROLL for (int t = 0; t < LOADED; t++)
        row[t] = min(first + t % TILES * SUBGROUP, n - 1) + t / TILES * n;

    float sums[LOADED][MBLOCKS][DPAS_M] = {0};
    for (int block = share; block < blocks; block += SPLIT) {
        uint w[LOADED][WORDS];
        UNROLL for (int t = 0; t < LOADED; t++) {
            global const uint *from = (global const uint *)codes + (size_t)row[t] * (blocks * WORDS);
            UNROLL for (int i = 0; i < WORDS; i += 4)
                vstore4(vload4(0, from + block * WORDS + i), 0, w[t] + i);
        }
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
                dpas_acc product = less, sum = dpas_vector(sums[t][b]);
                UNROLL for (int s = 0; s < 4; s++)
                    product = dpas(dpas_vector(a[s]), fragment(w[t], s), product);
#if BLOCK
                sum = mad(product, (dpas_acc)(float)scales[(size_t)row[t] * blocks + block], sum);
#else
                sum += product;
#endif
                dpas_store(sum, sums[t][b]);
            }
        }
    }

#if SPLIT > 1
    local float shares[GROUPS][SPLIT][LOADED * ROWS][SUBGROUP];
    float *mine = &sums[0][0][0];
    UNROLL for (int i = 0; i < LOADED * ROWS; i++) shares[group][share][i][item] = mine[i];
    barrier(CLK_LOCAL_MEM_FENCE);
    if (share) return;
    UNROLL for (int i = 0; i < LOADED * ROWS; i++)
        for (int s = 1; s < SPLIT; s++) mine[i] += shares[group][s][i][item];
#endif
    UNROLL for (int t = 0; t < TILES; t++) {
        const int column = first + t * SUBGROUP;
        if (column >= n) return;
        const float offset = bias ? (float)bias[column] : 0;
        UNROLL for (int i = 0; i < ROWS; i++) {
            float y = sums[t][i / DPAS_M][i % DPAS_M] + offset;
            if (PAIRED) y = y / (1 + exp(-y)) * sums[t + LOADED - TILES][i / DPAS_M][i % DPAS_M];
            if (i < m) out[(size_t)i * n + column] = y;
        }
    }
}
