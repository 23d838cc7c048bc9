// rms_norm: a work-group a row. Its items keep what they loaded of the row for the second pass.
// DTYPE, WIDTH (elements a load), ITEMS (of the work-group), EACH (loads of an item), RESIDUAL (0, 1).
#include "group.clh"
#include "vectors.clh"

#define T TYPE(DTYPE)

// The sum is normed as float; what is stored of it is rounded.
kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1)))
void norm(const global T* x, const global T* gamma, global T* residual, global T* out,
          int hidden, float eps) {
    int loads = hidden / WIDTH;
    size_t row = get_group_id(0) * (size_t)loads;
    int item = get_local_id(0);
    local float scratch[ITEMS];
    VEC kept[EACH];
    float sum = 0;
    __attribute__((opencl_unroll_hint))
    for (int i = 0; i < EACH; i++) {
        int at = item + i * ITEMS;
        if (at < loads) {
            VEC value = LOAD(x, row + at);
#if RESIDUAL
            value += LOAD(residual, row + at);
            STORE(value, row + at, residual);
#endif
            kept[i] = value;
            sum += SQUARE(value);
        }
    }
    float scale = rsqrt(group_sum(sum, scratch) / hidden + eps);
    __attribute__((opencl_unroll_hint))
    for (int i = 0; i < EACH; i++) {
        int at = item + i * ITEMS;
        if (at < loads) STORE(kept[i] * scale * LOAD(gamma, at), row + at, out);
    }
}
