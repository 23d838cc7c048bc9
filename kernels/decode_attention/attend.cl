// decode_attention: split over tokens, on the vector engine; runs on DG2 as on Xe2.
//
// A work-group has one sequence, one KV head and a range of tokens, in three steps with the scores
// in local memory: q.K of every token, the softmax of the range, p.V. Queries are needed in the
// first only and sums in the last, so registers hold one of them at a time, and nothing is ever
// rescaled. A sub-group reads whole rows of K and V, each lane a piece of every row, and serves
// HEADS query heads with them; PARTS sub-groups serve the group where registers are too few for one.
// `combine` puts the ranges of a sequence together.
//
// DTYPE, KV: of activations and cache. D: head_dim. GROUP: query heads of a KV head. PAGED (0, 1).
// MOST: tokens that a range may have. HEADS, PARTS. Tunable: SUBGROUP, TEAM (sub-groups side by side
// over tokens), K_ROWS, V_ROWS (rows read at a time).
#include "types.clh"
#include "words.clh"

#define LEAST(a, b) ((a) < (b) ? (a) : (b))
#define EACH (4 / AS(BYTES, KV))                    // elements of a word
#define ROW (D / EACH)                              // words of a row
// Of them a lane's, RUN of these side by side: 256 bytes a load where a row has that many.
#define WORDS (ROW / SUBGROUP)
#define RUN (SUBGROUP == 8 && WORDS % 8 == 0 ? 8 : WORDS % 4 == 0 ? 4 : WORDS % 2 == 0 ? 2 : 1)
#define COUNT (WORDS * EACH)                        // a lane's elements of a row
#define VEC LEAST(RUN * EACH, 4)
#define ALL (HEADS * PARTS)                         // heads of the group, filled up
#define ITEMS (SUBGROUP * TEAM * PARTS)
#define HALF_TEAM ((TEAM + 1) / 2)
#define SCORES (ALL * D)                            // their place in local memory: behind q
#define SCRATCH (ALL * (D + MOST) > HALF_TEAM * ALL * D ? ALL * (D + MOST) : HALF_TEAM * ALL * D)

// Rows of q and of sums in local memory are in an order in which lanes that read VEC elements each
// read from all banks: where element n of a lane is, and where element i of a row is.
inline int lane_place(int n, int lane) { return (n / VEC * SUBGROUP + lane) * VEC + n % VEC; }
inline int place(int i) {
    int run = i / (RUN * EACH);
    return lane_place(run / SUBGROUP * RUN * EACH + i % (RUN * EACH), run % SUBGROUP);
}

// Word 0 of a token's row. PAGED: a page is 1 << page tokens. Else it is the capacity.
inline size_t row_of(int token, int sequence, const global int* table, int kv_heads, int head,
                     int page) {
#if PAGED
    size_t block = table[token >> page];
    return (((block * kv_heads + head) << page) + (token & ((1 << page) - 1))) * ROW;
#else
    return (((size_t)sequence * kv_heads + head) * page + token) * ROW;
#endif
}

// A lane's words of a row.
inline void read_row(const global uint* row, int lane, uint* w) {
    __attribute__((opencl_unroll_hint))
    for (int run = 0; run < WORDS / RUN; run++) {
        const global uint* at = row + (run * SUBGROUP + lane) * RUN;
#if RUN == 8
        vstore8(as_uint8(vload4(0, (const global ulong*)at)), run, w);
#elif RUN == 4
        vstore4(vload4(0, at), run, w);
#elif RUN == 2
        vstore2(vload2(0, at), run, w);
#else
        w[run] = *at;
#endif
    }
}

// Lanes with a bit of `lane` unset get the sum of theirs and their partner's a, the others of b.
inline float fold(float a, float b, int bit) {
    bool upper = get_sub_group_local_id() & bit;
    return (upper ? b : a) + intel_sub_group_shuffle_xor(upper ? a : b, bit);
}

// The sums over the lanes of K_ROWS values: lane l gets that of s[l K_ROWS / SUBGROUP].
inline float fold_rows(float* s) {
    int bit = SUBGROUP / 2;
    __attribute__((opencl_unroll_hint))
    for (int rows = K_ROWS / 2; rows > 0; rows /= 2, bit /= 2) {
        __attribute__((opencl_unroll_hint))
        for (int r = 0; r < rows; r++) s[r] = fold(s[r], s[r + rows], bit);
    }
    __attribute__((opencl_unroll_hint))
    for (; bit > 0; bit /= 2) s[0] += intel_sub_group_shuffle_xor(s[0], bit);
    return s[0];
}

// `scale` has the factor from e to 2 in it. Ranges of `each` tokens; with one range, `out` is final,
// else `sums` [pairs, splits, GROUP, D] and `states` [pairs, splits, GROUP] of (maximum, total).
kernel __attribute__((intel_reqd_sub_group_size(SUBGROUP)))
__attribute__((reqd_work_group_size(ITEMS, 1, 1)))
void attend(const global TYPE(DTYPE)* q, const global uint* k_cache, const global uint* v_cache,
            const global int* table, const global int* lengths, global TYPE(DTYPE)* out,
            global float* sums, global float2* states,
            float scale, int kv_heads, int each, int table_width, int page) {
    local float scratch[SCRATCH];
    local float2 state[ALL];
    local float* scores = scratch + SCORES;
    int pair = get_group_id(0), split = get_group_id(1), splits = get_num_groups(1);
    int sequence = pair / kv_heads, head = pair % kv_heads;
    int first = split * each, count = min(each, lengths[sequence] - first);
    if (count <= 0) return;
    table += sequence * table_width;
    int item = get_local_id(0), lane = get_sub_group_local_id(), self = get_sub_group_id();
    int member = self / PARTS, from = self % PARTS * HEADS;

    for (int i = item; i < ALL * D; i += ITEMS) {
        float x = i < GROUP * D ? AS(load, DTYPE)(q, (size_t)pair * GROUP * D + i) : 0;
        scratch[i / D * D + place(i % D)] = x * (scale * AS(UNIT, KV));
    }
    barrier(CLK_LOCAL_MEM_FENCE);

    for (int at = member * K_ROWS; at < count; at += TEAM * K_ROWS) {
        size_t row = row_of(first + at, sequence, table, kv_heads, head, page);
        uint w[K_ROWS][WORDS];
        float s[HEADS][K_ROWS] = {};
        // what is beyond the end is not read: its last row again, to no effect
        __attribute__((opencl_unroll_hint))
        for (int r = 0; r < K_ROWS; r++) {
            read_row(k_cache + row + min(r, count - 1 - at) * ROW, lane, w[r]);
        }
        __attribute__((opencl_unroll_hint))
        for (int n = 0; n < COUNT; n += VEC) {
            float x[K_ROWS][VEC];
            __attribute__((opencl_unroll_hint))
            for (int r = 0; r < K_ROWS; r++) {
                __attribute__((opencl_unroll_hint))
                for (int j = 0; j < VEC; j += EACH) AS(unpack, KV)(w[r][(n + j) / EACH], x[r] + j);
            }
            __attribute__((opencl_unroll_hint))
            for (int h = 0; h < HEADS; h++) {
                const local float* y = scratch + (from + h) * D + lane_place(n, lane);
                __attribute__((opencl_unroll_hint))
                for (int e = 0; e < VEC; e++) {
                    float ye = y[e];
                    __attribute__((opencl_unroll_hint))
                    for (int r = 0; r < K_ROWS; r++) s[h][r] = fma(ye, x[r][e], s[h][r]);
                }
            }
        }
        __attribute__((opencl_unroll_hint))
        for (int h = 0; h < HEADS; h++) {
            float score = fold_rows(s[h]);
            if (lane % (SUBGROUP / K_ROWS) == 0) {
                scores[(from + h) * MOST + at + lane / (SUBGROUP / K_ROWS)] = score;
            }
        }
    }
    barrier(CLK_LOCAL_MEM_FENCE);

    for (int h = self; h < ALL; h += TEAM * PARTS) {
        local float* row = scores + h * MOST;
        float top = -INFINITY, total = 0;
        for (int i = lane; i < count; i += SUBGROUP) top = fmax(top, row[i]);
        top = sub_group_reduce_max(top);
        for (int i = lane; i < count; i += SUBGROUP) {
            float p = exp2(row[i] - top);
            row[i] = p;
            total += p;
        }
        if (lane < V_ROWS && count + lane < MOST) row[count + lane] = 0;  // fills up the last rows
        total = sub_group_reduce_add(total);
        if (lane == 0) state[h] = (float2)(top, total);
    }
    barrier(CLK_LOCAL_MEM_FENCE);

    float mine[HEADS][COUNT] = {};
    for (int at = member * V_ROWS; at < count; at += TEAM * V_ROWS) {
        size_t row = row_of(first + at, sequence, table, kv_heads, head, page);
        uint w[V_ROWS][WORDS];
        float p[HEADS][V_ROWS];
        __attribute__((opencl_unroll_hint))
        for (int r = 0; r < V_ROWS; r++) {
            read_row(v_cache + row + min(r, count - 1 - at) * ROW, lane, w[r]);
        }
        __attribute__((opencl_unroll_hint))
        for (int h = 0; h < HEADS; h++) {
            __attribute__((opencl_unroll_hint))
            for (int r = 0; r < V_ROWS; r++) p[h][r] = scores[(from + h) * MOST + at + r];
        }
        __attribute__((opencl_unroll_hint))
        for (int r = 0; r < V_ROWS; r++) {
            __attribute__((opencl_unroll_hint))
            for (int j = 0; j < WORDS; j++) {
                float x[EACH];
                AS(unpack, KV)(w[r][j], x);
                __attribute__((opencl_unroll_hint))
                for (int h = 0; h < HEADS; h++) {
                    __attribute__((opencl_unroll_hint))
                    for (int e = 0; e < EACH; e++) {
                        mine[h][j * EACH + e] = fma(p[h][r], x[e], mine[h][j * EACH + e]);
                    }
                }
            }
        }
    }
    barrier(CLK_LOCAL_MEM_FENCE);

    // half of the team adds to what the other half left; then every item adds the halves
    for (int turn = 1; turn >= 0; turn--) {
        if (member / HALF_TEAM == turn) {
            local float* to = scratch + (member % HALF_TEAM * ALL + from) * D;
            bool add = turn == 0 && member + HALF_TEAM < TEAM;
            __attribute__((opencl_unroll_hint))
            for (int h = 0; h < HEADS; h++) {
                __attribute__((opencl_unroll_hint))
                for (int n = 0; n < COUNT; n++) {
                    local float* x = to + h * D + lane_place(n, lane);
                    *x = mine[h][n] + (add ? *x : 0);
                }
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    for (int i = item; i < GROUP * D; i += ITEMS) {
        float sum = 0;
        for (int m = 0; m < HALF_TEAM; m++) sum += scratch[(m * ALL + i / D) * D + place(i % D)];
        sum *= AS(UNIT, KV);
        if (splits == 1) {
            AS(store, DTYPE)(sum / state[i / D].y, (size_t)pair * GROUP * D + i, out);
        } else {
            sums[((size_t)pair * splits + split) * GROUP * D + i] = sum;
        }
    }
    if (splits > 1 && item < GROUP) states[(pair * splits + split) * GROUP + item] = state[item];
}
