// decode_attention: split over tokens, on the vector engine; runs on DG2 as on Xe2.
//
// A work-group has one sequence, one KV head and a range of tokens, in three steps with the scores
// in local memory: q.K of every token, the softmax of the range, p.V. Queries are needed in the
// first only and sums in the last, so registers hold one of them at a time, and nothing is ever
// rescaled. A sub-group reads whole rows of K and V, each lane a piece of every row, and serves
// HEADS queries with them; PARTS sub-groups serve them all where registers are too few for one.
// Queries are the heads of the group of each of the sequence's last TAIL tokens, of which each sees
// no token behind its own. `combine` puts the ranges of a sequence together.
//
// DTYPE, KV: of activations and cache. D: head_dim. GROUP: query heads of a KV head. TAIL: query
// tokens. PAGED (0, 1). MOST: tokens that a range may have. HEADS, PARTS. Tunable: SUBGROUP, TEAM (sub-groups side by side
// over tokens), K_ROWS, V_ROWS (rows read at a time).
#include "queries.clh"
#include "types.clh"
#include "words.clh"

#define LEAST(a, b) ((a) < (b) ? (a) : (b))
#define RUN_OF(n) ((n) % 8 == 0 && SUBGROUP == 8 ? 8 : (n) % 4 == 0 ? 4 : (n) % 2 == 0 ? 2 : 1)
#define EACH (4 / AS(BYTES, KV))                    // elements of a word
#define ROW (D / EACH)                              // words of a row
#define WORDS (ROW / SUBGROUP)                      // of them a lane's,
#define RUN RUN_OF(WORDS)                           // so many side by side: 256 bytes a load
#define COUNT (WORDS * EACH)
#define VEC LEAST(RUN * EACH, 4)
// Where rows have 128 bytes a load is of two, one for each half of a sub-group. The products of K
// stay in their half; lanes of the halves exchange what they have of V.
#define PAIRED (SUBGROUP * WORDS == 32 && K_ROWS > 1 && V_ROWS > 1)
#define K_LANES (PAIRED ? SUBGROUP / 2 : SUBGROUP)  // that have a row of K
#define K_WORDS (ROW / K_LANES)
#define K_RUN RUN_OF(K_WORDS)
#define K_COUNT (K_WORDS * EACH)
#define K_VEC LEAST(K_RUN * EACH, 4)
#define K_LOADS (K_ROWS * K_LANES / SUBGROUP)       // of one row or two
#define ALL (HEADS * PARTS)                         // queries, filled up
#define ITEMS (SUBGROUP * TEAM * PARTS)
#define HALF_TEAM ((TEAM + 1) / 2)
#define SCORES (ALL * D)                            // their place in local memory: behind q
#define SCRATCH (ALL * (D + MOST) > HALF_TEAM * ALL * D ? ALL * (D + MOST) : HALF_TEAM * ALL * D)

// Rows of q and of sums are in local memory in an order in which lanes that read a vector each read
// from all banks. Where element n of a lane is:
inline int lane_place(int n, int lane, int lanes, int vec) {
    return (n / vec * lanes + lane) * vec + n % vec;
}
// Where element i of a row of q is, and of a row of sums:
inline int q_place(int i) {
    int run = i / (K_RUN * EACH);
    int n = run / K_LANES * K_RUN * EACH + i % (K_RUN * EACH);
    return lane_place(n, run % K_LANES, K_LANES, K_VEC);
}
inline int sum_place(int i) {
    int run = i / (RUN * EACH), lane = run % SUBGROUP;
#if PAIRED
    lane = lane / 2 + lane % 2 * (SUBGROUP / 2);
#endif
    return lane_place(run / SUBGROUP * RUN * EACH + i % (RUN * EACH), lane, SUBGROUP, VEC);
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

// `count` words side by side: 1, 2, 4 or 8.
inline void read_words(const global uint* at, int count, uint* w) {
    if (count == 8) vstore8(as_uint8(vload4(0, (const global ulong*)at)), 0, w);
    else if (count == 4) vstore4(vload4(0, at), 0, w);
    else if (count == 2) vstore2(vload2(0, at), 0, w);
    else *w = *at;
}

// A lane's words of rows of K and V from `row` on; beyond row `last` nothing is read, but that again.
inline void read_k(const global uint* row, int last, uint w[K_LOADS][K_WORDS]) {
    int lane = get_sub_group_local_id(), of_row = PAIRED ? lane % K_LANES : lane;
    __attribute__((opencl_unroll_hint))
    for (int r = 0; r < K_LOADS; r++) {
        int which = PAIRED ? 2 * r + lane / K_LANES : r;
        __attribute__((opencl_unroll_hint))
        for (int j = 0; j < K_WORDS; j += K_RUN) {
            int at = min(which, last) * ROW + j * K_LANES + of_row * K_RUN;
            read_words(row + at, K_RUN, w[r] + j);
        }
    }
}
inline void read_v(const global uint* row, int last, uint w[V_ROWS][WORDS]) {
    int lane = get_sub_group_local_id();
#if PAIRED
    bool upper = lane >= SUBGROUP / 2;
    __attribute__((opencl_unroll_hint))
    for (int r = 0; r < V_ROWS; r += 2) {
        uint x[2 * WORDS];
        int at = min(r + upper, last) * ROW + lane % (SUBGROUP / 2) * 2 * WORDS;
        read_words(row + at, 2 * WORDS, x);
        __attribute__((opencl_unroll_hint))
        for (int j = 0; j < WORDS; j++) {
            uint other = intel_sub_group_shuffle_xor(upper ? x[j] : x[WORDS + j], SUBGROUP / 2);
            w[r][j] = upper ? other : x[j];
            w[r + 1][j] = upper ? x[WORDS + j] : other;
        }
    }
#else
    __attribute__((opencl_unroll_hint))
    for (int r = 0; r < V_ROWS; r++) {
        __attribute__((opencl_unroll_hint))
        for (int j = 0; j < WORDS; j += RUN) {
            read_words(row + min(r, last) * ROW + j * SUBGROUP + lane * RUN, RUN, w[r] + j);
        }
    }
#endif
}

// Lanes with a bit of `lane` unset get the sum of theirs and their partner's a, the others of b.
inline float fold(float a, float b, int bit) {
    bool upper = get_sub_group_local_id() & bit;
    return (upper ? b : a) + intel_sub_group_shuffle_xor(upper ? a : b, bit);
}

// The sums over K_LANES lanes of K_LOADS values: those of s[r] in the r-th part of the lanes.
inline float fold_all(float* s) {
    int bit = K_LANES / 2;
    __attribute__((opencl_unroll_hint))
    for (int rows = K_LOADS / 2; rows > 0; rows /= 2, bit /= 2) {
        __attribute__((opencl_unroll_hint))
        for (int r = 0; r < rows; r++) s[r] = fold(s[r], s[r + rows], bit);
    }
    __attribute__((opencl_unroll_hint))
    for (; bit > 0; bit /= 2) s[0] += intel_sub_group_shuffle_xor(s[0], bit);
    return s[0];
}

// `scale` has the factor from e to 2 in it. Ranges of `each` tokens; with one range, `out` is final,
// else `sums` [pairs, splits, QUERIES, D] and `states` [pairs, splits, QUERIES] of (maximum, total).
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
        float x = i < QUERIES * D ? AS(load, DTYPE)(q, query_place(pair, kv_heads, i)) : 0;
        scratch[i / D * D + q_place(i % D)] = x * (scale * AS(ROOT, KV));
    }
    barrier(CLK_LOCAL_MEM_FENCE);

    for (int at = member * K_ROWS; at < count; at += TEAM * K_ROWS) {
        size_t row = row_of(first + at, sequence, table, kv_heads, head, page);
        uint w[K_LOADS][K_WORDS];
        float s[HEADS][K_LOADS] = {};
        read_k(k_cache + row, count - 1 - at, w);
        __attribute__((opencl_unroll_hint))
        for (int n = 0; n < K_COUNT; n += K_VEC) {
            float x[K_LOADS][K_VEC];
            __attribute__((opencl_unroll_hint))
            for (int r = 0; r < K_LOADS; r++) {
                __attribute__((opencl_unroll_hint))
                for (int j = 0; j < K_VEC; j += EACH) AS(unpack, KV)(w[r][(n + j) / EACH], x[r] + j);
            }
            __attribute__((opencl_unroll_hint))
            for (int h = 0; h < HEADS; h++) {
                const local float* y = scratch + (from + h) * D;
                y += lane_place(n, lane % K_LANES, K_LANES, K_VEC);
                __attribute__((opencl_unroll_hint))
                for (int e = 0; e < K_VEC; e++) {
                    float ye = y[e];
                    __attribute__((opencl_unroll_hint))
                    for (int r = 0; r < K_LOADS; r++) s[h][r] = fma(ye, x[r][e], s[h][r]);
                }
            }
        }
        int part = lane % K_LANES / (K_LANES / K_LOADS);
        int token = at + (PAIRED ? 2 * part + lane / K_LANES : part);
        __attribute__((opencl_unroll_hint))
        for (int h = 0; h < HEADS; h++) {
            float score = fold_all(s[h]) * AS(ROOT, KV);
            if (lane % (K_LANES / K_LOADS) == 0) scores[(from + h) * MOST + token] = score;
        }
    }
    barrier(CLK_LOCAL_MEM_FENCE);

    for (int h = self; h < ALL; h += TEAM * PARTS) {
        local float* row = scores + h * MOST;
        float top = -INFINITY, total = 0;
        int seen = min(count, lengths[sequence] - TAIL + 1 + h / GROUP - first);
        for (int i = lane; i < seen; i += SUBGROUP) top = fmax(top, row[i]);
        top = sub_group_reduce_max(top);
        for (int i = lane; i < count; i += SUBGROUP) {
            float p = TAIL == 1 || i < seen ? exp2(row[i] - top) : 0;
            row[i] = p * AS(ROOT, KV);
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
        read_v(v_cache + row, count - 1 - at, w);
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
                    local float* x = to + h * D + lane_place(n, lane, SUBGROUP, VEC);
                    *x = mine[h][n] + (add ? *x : 0);
                }
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    for (int i = item; i < QUERIES * D; i += ITEMS) {
        float sum = 0;
        for (int m = 0; m < HALF_TEAM; m++) sum += scratch[(m * ALL + i / D) * D + sum_place(i % D)];
        sum *= AS(ROOT, KV);
        if (splits == 1) {
            AS(store, DTYPE)(sum / state[i / D].y, query_place(pair, kv_heads, i), out);
        } else {
            sums[((size_t)pair * splits + split) * QUERIES * D + i] = sum;
        }
    }
    if (splits > 1 && item < QUERIES) states[(pair * splits + split) * QUERIES + item] = state[item];
}
