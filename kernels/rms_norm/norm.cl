// rms_norm: a work-group a row. Its items keep what they loaded of the row for the second pass.
// DTYPE, HIDDEN, ITEMS (of the work-group), WIDTH (elements a load: 4, or 1 where rows are no
// multiple of it), RESIDUAL (0, 1).
#include "group.clh"
#include "types.clh"

#define T TYPE(DTYPE)
#if WIDTH == 4
#define VEC float4
#define LOAD AS(load4, DTYPE)
#define STORE AS(store4, DTYPE)
#define SQUARE(x) dot(x, x)
#else
#define VEC float
#define LOAD AS(load, DTYPE)
#define STORE AS(store, DTYPE)
#define SQUARE(x) ((x) * (x))
#endif
#define LOADS (HIDDEN / WIDTH)
#define EACH ((LOADS + ITEMS - 1) / ITEMS)

// The sum is normed as float; what is stored of it is rounded.
kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1)))
void norm(const global T* x, const global T* gamma, global T* residual, global T* out, float eps) {
    size_t row = get_group_id(0) * (size_t)LOADS;
    int item = get_local_id(0);
    local float scratch[ITEMS];
    VEC kept[EACH];
    float sum = 0;
    for (int i = 0; i < EACH; i++) {
        int at = item + i * ITEMS;
        if (at < LOADS) {
            VEC value = LOAD(x, row + at);
#if RESIDUAL
            value += LOAD(residual, row + at);
            STORE(value, row + at, residual);
#endif
            kept[i] = value;
            sum += SQUARE(value);
        }
    }
    float scale = rsqrt(group_sum(sum, scratch) / HIDDEN + eps);
    for (int i = 0; i < EACH; i++) {
        int at = item + i * ITEMS;
        if (at < LOADS) STORE(kept[i] * scale * LOAD(gamma, at), row + at, out);
    }
}
