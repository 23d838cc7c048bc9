// y = x W^T + b for DPAS_M rows of x on the matrix engine; PAIRED as in gemv.cl. The next DPAS_M rows
// are the next work-group's, for the same rows of W while these are in a cache.
//
// A sub-group takes TILES times SUBGROUP rows of W (PAIRED: of G and of U) and every SPLIT-th 256
// bytes of each. It reads them a row after the other, as memory likes it, and turns them round in
// local memory, so that each work-item then unpacks a row of its own, which is a column of the
// matrix operand. Its scale is its own too, and is applied to the product of 64 of K, in float.
// Sub-groups of a work-group that share rows add theirs in local memory.
//
// Registers are what it is short of. Compilers take an address out of the loop over K where no turn
// changes it and keep one a row; so a row's follows from that of the row before, and from the turn.
//
// Macros: those of weights.clh and dpas.clh, TILES, GROUPS, SPLIT, PAIRED.
#include "dpas.clh"
#include "fragments.clh"

#define LOADED (TILES * (1 + PAIRED))
#define STRETCH 64                 // words of a row at a time: 256 bytes
#define BLOCKS (STRETCH / WORDS)   // of 64 of K in them
#define PITCH (STRETCH + 4)        // so that neighbours' rows start in different banks
#define TOGETHER (SUBGROUP / 2)    // rows under way at a time: a quarter of the registers
#define ROLLED __attribute__((opencl_unroll_hint(1)))
// what a work-item has of a stretch: neighbours' bytes adjoin, 256 a message
#if SUBGROUP == 8
typedef ulong4 piece;
#define LOAD(row) vload4(item, (global const ulong *)(row))
#define STORE(piece, row) vstore4(piece, item, (local ulong *)(row))
#else
typedef uint4 piece;
#define LOAD(row) vload4(item, row)
#define STORE(piece, row) vstore4(piece, item, row)
#endif

typedef local uint (*turned_rows)[PITCH];

// Adds the products of 64 of K: of DPAS_M rows of x with a row of W a tile, which `w` points into.
inline void multiply(global const half *x, const int m, const int k, const turned_rows w,
                     const int at, const float *scale, float (*sums)[DPAS_M]) {
    const int item = get_sub_group_local_id();
    dpas_a_element a[4][DPAS_M];
    UNROLL for (int i = 0; i < DPAS_M; i++) {
        dpas_a_element steps[4];
        load_a(x, item, steps);
        x += i < m - 1 ? k : 0;
        UNROLL for (int s = 0; s < 4; s++) a[s][i] = steps[s];
    }
    dpas_acc less = 0;
#if SURPLUS
    UNROLL for (int s = 0; s < 4; s++) less = dpas(dpas_vector(a[s]), surplus_of(s), less);
#endif
    UNROLL for (int t = 0; t < LOADED; t++) {
        uint words[WORDS];
        UNROLL for (int i = 0; i < WORDS; i += 4)
            vstore4(vload4(0, w[t * SUBGROUP + item] + at + i), 0, words + i);
        const dpas_acc sum = dpas_vector(sums[t]);
        dpas_acc product = BLOCK ? less : sum;
        UNROLL for (int s = 0; s < 4; s++)
            product = dpas(dpas_vector(a[s]), fragment(words, s), product);
        if (BLOCK) product = mad(product, scale[t], sum);
        dpas_store(product, sums[t]);
    }
}

__attribute__((intel_reqd_sub_group_size(SUBGROUP)))
__attribute__((reqd_work_group_size(SUBGROUP * SPLIT * GROUPS, 1, 1)))
kernel void gemm(global const half *x, global const uint *codes, global const SCALE *scales,
                 global const half *bias, global half *out, int m, const int n, const int k) {
    const int item = get_sub_group_local_id();
    // all have the same: said, so that row addresses are computed once and not for each work-item
    const int which = sub_group_broadcast(get_sub_group_id(), 0);
    const int share = which % SPLIT, group = which / SPLIT;
    const int first = (get_group_id(1) * GROUPS + group) * TILES * SUBGROUP;
    const int blocks = k / 64, above = get_group_id(0) * DPAS_M;
    const int whole = blocks / BLOCKS * BLOCKS;
    x += above * (size_t)k, out += above * (size_t)n, m -= above;

    // past the end the last row stands in, and is not written
#define ROW(t, r) (min(first + (t) % TILES * SUBGROUP + (r), n - 1) + (t) / TILES * n)
#define SCALES(of, block) \
    UNROLL for (int t = 0; t < LOADED; t++) \
        of[t] = BLOCK ? (float)scales[(size_t)ROW(t, item) * blocks + (block)] : 1

    local uint turned[GROUPS * SPLIT][LOADED * SUBGROUP][PITCH];
    float sums[LOADED][DPAS_M] = {0}, scale[LOADED];
    for (int block = share * BLOCKS; block < whole; block += SPLIT * BLOCKS) {
        // every second stretch lies 16 bytes further on, only so that addresses differ
        const int shift = block / (SPLIT * BLOCKS) % 2 * (PITCH - STRETCH);
        const turned_rows mine = (turned_rows)((local uint *)turned[which] + shift);
        UNROLL for (int t = 0; t < LOADED; t++) {
            global const uint *row = codes + (ROW(t, 0) * (size_t)blocks + block) * WORDS;
            const int last = n - 1 - first - t % TILES * SUBGROUP;
            UNROLL for (int r = 0; r < SUBGROUP; r += TOGETHER) {
                piece pieces[TOGETHER];
                UNROLL for (int i = 0; i < TOGETHER; i++) {
                    pieces[i] = LOAD(row);
                    row += r + i < last ? blocks * WORDS : 0;
                }
                UNROLL for (int i = 0; i < TOGETHER; i++)
                    STORE(pieces[i], mine[t * SUBGROUP + r + i]);
            }
        }
        sub_group_barrier(CLK_LOCAL_MEM_FENCE);
        UNROLL for (int here = 0; here < BLOCKS; here++) {
            SCALES(scale, block + here);
            multiply(x + (block + here) * 64, m, k, mine, here * WORDS, scale, sums);
            // loads for the next ones stay behind it, and so does what overwrites these
            sub_group_barrier(CLK_LOCAL_MEM_FENCE);
        }
    }
    // what is left of K, a block each
    const turned_rows mine = turned[which];
    for (int block = whole + share; block < blocks; block += SPLIT) {
        for (int t = 0; t < LOADED; t++)
            ROLLED for (int i = 0; i < WORDS; i++)
                mine[t * SUBGROUP + item][i] =
                    codes[(ROW(t, item) * (size_t)blocks + block) * WORDS + i];
        SCALES(scale, block);
        multiply(x + block * 64, m, k, mine, 0, scale, sums);
    }

    // what was the weights' is now the sums'
    sub_group_barrier(CLK_LOCAL_MEM_FENCE);
    UNROLL for (int t = 0; t < LOADED; t++)
        UNROLL for (int i = 0; i < DPAS_M; i++)
            ((local float *)mine)[(t * DPAS_M + i) * SUBGROUP + item] = sums[t][i];
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int at = share; at < TILES * DPAS_M; at += SPLIT) {
        const int column = first + at / DPAS_M * SUBGROUP + item, i = at % DPAS_M;
        if (column >= n || i >= m) continue;
        float y = bias ? (float)bias[column] : 0, up = 0;
        for (int s = 0; s < SPLIT; s++) {
            local const float *theirs = (local const float *)turned[group * SPLIT + s];
            y += theirs[at * SUBGROUP + item];
            if (PAIRED) up += theirs[(at + TILES * DPAS_M) * SUBGROUP + item];
        }
        out[(size_t)i * n + column] = PAIRED ? y / (1 + exp(-y)) * up : y;
    }
}
