// rope_append: a work-group a head of q, k or v; a work-item a pair (i, i + D / 2).
// A sequence has TAIL rows side by side.
// DTYPE, KV (formats), D (head_dim), NORM (0, 1), PAGED (0, 1), TAIL.
#include "group.clh"
#include "types.clh"

#define HALF (D / 2)
#define T TYPE(DTYPE)
#define C TYPE(KV)
#define LOAD AS(load, DTYPE)

// PAGED: a page is 1 << page tokens. Else it is the capacity.
kernel __attribute__((reqd_work_group_size(HALF, 1, 1)))
void rope(const global T* qkv, const global int* positions, const global float* cos_sin,
          global T* q_out, global C* k_cache, global C* v_cache, const global int* table,
          const global T* q_norm, const global T* k_norm,
          int heads, int kv_heads, int page, int table_width, float eps) {
    local float scratch[HALF];
    int i = get_local_id(0), head = get_group_id(0), row = get_group_id(1);
    int sequence = row / TAIL, from = (row * (heads + 2 * kv_heads) + head) * D + i;
    float first = LOAD(qkv, from), second = LOAD(qkv, from + HALF);
    int position = positions[row];
    bool is_q = head < heads, is_v = head >= heads + kv_heads;
    if (!is_v) {
#if NORM
        const global T* gamma = is_q ? q_norm : k_norm;
        float square = group_sum(first * first + second * second, scratch);
        float scale = rsqrt(square / D + eps);
        first *= scale * LOAD(gamma, i);
        second *= scale * LOAD(gamma, i + HALF);
#endif
        const global float* angle = cos_sin + position * D + i;
        float low = first * angle[0] - second * angle[HALF];
        second = second * angle[0] + first * angle[HALF];
        first = low;
    }
    if (is_q) {
        int to = (row * heads + head) * D + i;
        AS(store, DTYPE)(first, to, q_out);
        AS(store, DTYPE)(second, to + HALF, q_out);
    } else {
        int kv_head = head - heads - (is_v ? kv_heads : 0);
#if PAGED
        size_t block = table[sequence * table_width + (position >> page)];
        size_t slot = ((block * kv_heads + kv_head) << page) + (position & ((1 << page) - 1));
#else
        size_t slot = (size_t)(sequence * kv_heads + kv_head) * page + position;
#endif
        size_t to = slot * D + i;
        global C* cache = is_v ? v_cache : k_cache;
        AS(store, KV)(first, to, cache);
        AS(store, KV)(second, to + HALF, cache);
    }
}
