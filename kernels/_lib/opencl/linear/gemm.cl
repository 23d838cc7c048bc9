// y = x W^T + b for m rows of x on the matrix engine, m from 1 to 8 MTILES a pass; PAIRED: silu(x G^T)
// * (x U^T). The next pass is the next work-group's, for the same rows of W while a cache has them.
//
// A sub-group takes TILES groups of SUBGROUP rows of W (PAIRED: of G and of U) and every SPLIT-th
// AHEAD blocks of their K. Weights are loaded in the order of memory, AHEAD blocks before the first
// is used, unpacked once, and multiplied with MTILES times DPAS_M rows of x, which come out of
// caches. A scale is its column's, and is applied to the product of 64 of K, in float. Sub-groups of a
// work-group that share rows of W add their sums in local memory.
//
// Of bf16 weights x is taken apart into two bf16 numbers, whose sum it is: 8 of its 11 bits, and 3.
//
// Macros: those of formats.clh and dpas.clh, MTILES, TILES, AHEAD, GROUPS (sub-groups of a work-group
// that have rows of W of their own), SPLIT (those that share them), PAIRED.
#include "tiles.clh"
#define DPAS_BF16 (FORMAT == BF16)
#include "dpas.clh"

#define LOADED (TILES * (1 + PAIRED))
#define PARTS (FORMAT == BF16 ? 2 : 1)
#define ROWS (MTILES * DPAS_M)
#define ROLLED __attribute__((opencl_unroll_hint(1)))

// 64 elements of a row of x as they lie: of each step a work-item's share.
inline void load_row(global const half *x, dpas_a_element *steps) {
#if SUBGROUP == 8
    vstore4(as_int4(intel_sub_group_block_read4((global const uint *)x)), 0, steps);
#else
    vstore4(as_short4(intel_sub_group_block_read_us4((global const ushort *)x)), 0, steps);
#endif
}

// Halves as bf16: the upper 8 bits of their significand, and the rest.
inline void take_apart(dpas_a_element a, dpas_a_element *high, dpas_a_element *low) {
#if SUBGROUP == 8
    const half2 h = as_half2(a);
    const uint x = as_uint((float)h.x), y = as_uint((float)h.y);
    const uint u = as_uint((float)h.x - as_float(x & 0xFFFF0000));
    const uint v = as_uint((float)h.y - as_float(y & 0xFFFF0000));
    *high = x >> 16 | y & 0xFFFF0000, *low = u >> 16 | v & 0xFFFF0000;
#else
    const uint x = as_uint((float)as_half(a));
    *high = x >> 16, *low = as_uint((float)as_half(a) - as_float(x & 0xFFFF0000)) >> 16;
#endif
}

// The operands of a tile of x for 64 of K, whose last row stands in for those behind it.
inline void load_tile(global const half *x, int last, int k, dpas_a_element a[PARTS][4][DPAS_M]) {
    UNROLL for (int i = 0; i < DPAS_M; i++) {
        dpas_a_element steps[4];
        load_row(x, steps);
        x += i < last ? k : 0;
        UNROLL for (int s = 0; s < 4; s++) {
#if PARTS == 2
            take_apart(steps[s], &a[0][s][i], &a[1][s][i]);
#else
            a[0][s][i] = steps[s];
#endif
        }
    }
}

// Adds the products of 64 of K: MTILES tiles of x, a group of rows of W each LOADED.
inline void multiply(global const half *x, int m, int k, const uint (*words)[WORDS],
                     const float (*scale)[LOADED], const int8 surplus,
                     float (*sums)[MTILES][DPAS_M]) {
#if MTILES > 1
    int8 b[LOADED][4];
    UNROLL for (int t = 0; t < LOADED; t++)
        UNROLL for (int s = 0; s < 4; s++) b[t][s] = fragment(words[t], s);
#define OPERAND(t, s) b[t][s]
#else
#define OPERAND(t, s) fragment(words[t], s)
#endif
    UNROLL for (int i = 0; i < MTILES; i++) {
        dpas_a_element a[PARTS][4][DPAS_M];
        load_tile(x + (size_t)min(i * DPAS_M, m - 1) * k, m - 1 - i * DPAS_M, k, a);
        dpas_acc less = 0;
        UNROLL for (int s = 0; s < 4; s++) {
            if (SURPLUS) less = dpas(dpas_vector(a[0][s]), surplus, less);
        }
        UNROLL for (int t = 0; t < LOADED; t++) {
            const dpas_acc sum = dpas_vector(sums[t][i]);
            dpas_acc product = BLOCK ? less : sum;
            UNROLL for (int part = 0; part < PARTS; part++)
                UNROLL for (int s = 0; s < 4; s++)
                    product = dpas(dpas_vector(a[part][s]), OPERAND(t, s), product);
            if (BLOCK) product = mad(product, scale[0][t], sum);
            // less is the sum of x times -1024
            if (MINIMUM) product = mad(less, scale[SCALES - 1][t] * -0x1p-10f, product);
            dpas_store(product, sums[t][i]);
        }
    }
}

__attribute__((intel_reqd_sub_group_size(SUBGROUP)))
__attribute__((reqd_work_group_size(SUBGROUP * SPLIT * GROUPS, 1, 1)))
kernel void gemm(global const half *x, global const uint *codes, global const SCALE *scales,
                 global const half *bias, global half *out, int m, const int n, const int k) {
    const int item = get_sub_group_local_id();
    // all have the same: said, so that addresses are computed once and not for each work-item
    const int which = sub_group_broadcast(get_sub_group_id(), 0);
    const int share = which % SPLIT, of = which / SPLIT;
    const int first = (get_group_id(1) * GROUPS + of) * TILES;
    const int blocks = k / 64, groups = (n + SUBGROUP - 1) / SUBGROUP;
    const int above = get_group_id(0) * ROWS;
    x += above * (size_t)k, out += above * (size_t)n, m -= above;

    // past the end the last group stands in, and is not written
    int from[LOADED];
    UNROLL for (int t = 0; t < LOADED; t++)
        from[t] = (min(first + t % TILES, groups - 1) + t / TILES * groups) * blocks;

    // k is never below: said so that compilers keep the operand, and do not make it anew at each use
    const int8 surplus = item < k ? SURPLUS : 0;
    float sums[LOADED][MTILES][DPAS_M] = {0};
    for (int block = share * AHEAD; block < blocks; block += SPLIT * AHEAD) {
        uint words[AHEAD][LOADED][WORDS];
        float scale[AHEAD][SCALES + !SCALES][LOADED];
        UNROLL for (int here = 0; here < AHEAD; here++)
            UNROLL for (int t = 0; t < LOADED; t++) {
                const size_t at = from[t] + min(block + here, blocks - 1);
                UNROLL for (int w = 0; w < WORDS; w += 8)
                    vstore8(intel_sub_group_block_read8(codes + (at * WORDS + w) * SUBGROUP), 0,
                            words[here][t] + w);
                UNROLL for (int s = 0; s < SCALES; s++)
                    scale[here][s][t] = scales[(at * SCALES + s) * SUBGROUP + item];
            }
        UNROLL for (int here = 0; here < AHEAD; here++)
            if (AHEAD == 1 || block + here < blocks) {
                multiply(x + (block + here) * 64, m, k, words[here], scale[here], surplus, sums);
                // loads for the next one stay behind it
                sub_group_barrier(CLK_LOCAL_MEM_FENCE);
            }
    }

    local float shares[SPLIT > 1 ? GROUPS : 1][SPLIT][LOADED * ROWS * SUBGROUP];
#if SPLIT > 1
    UNROLL for (int t = 0; t < LOADED; t++)
        UNROLL for (int i = 0; i < ROWS; i++)
            shares[of][share][(t * ROWS + i) * SUBGROUP + item] = sums[t][i / DPAS_M][i % DPAS_M];
    barrier(CLK_LOCAL_MEM_FENCE);
#endif
    UNROLL for (int at = 0; at < TILES * ROWS; at++) {
        if (at % SPLIT != share) continue;
        const int column = (first + at / ROWS) * SUBGROUP + item, i = at % ROWS;
        if (column >= n || i >= m) continue;
        float y = 0, up = 0;
#if SPLIT > 1
        for (int s = 0; s < SPLIT; s++) {
            y += shares[of][s][at * SUBGROUP + item];
            if (PAIRED) up += shares[of][s][(at + TILES * ROWS) * SUBGROUP + item];
        }
#else
        y = sums[at / ROWS][i / DPAS_M][i % DPAS_M];
        if (PAIRED) up = sums[at / ROWS + PAIRED * TILES][i / DPAS_M][i % DPAS_M];
#endif
        if (bias) y += (float)bias[column];
        out[(size_t)i * n + column] = PAIRED ? y / (1 + exp(-y)) * up : y;
    }
}
