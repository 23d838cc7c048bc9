// argmax: work-groups take parts of a row (`parts`), then one takes the parts (`largest`).
// DTYPE, ITEMS (of a work-group), WIDTH (elements a load), EACH (loads of a work-item in `parts`).
#include "group.clh"
#include "vectors.clh"

// Only the value is looked for; who has it then looks for its place among what it kept.
kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1)))
void parts(const global TYPE(DTYPE)* logits, global float* best, global int* where, int vocab) {
    local float values[ITEMS];
    local int places[ITEMS];
    int loads = vocab / WIDTH, first = get_group_id(0) * ITEMS * EACH + get_local_id(0);
    size_t row = get_group_id(1);
    VEC kept[EACH];
    float top = -INFINITY;
    __attribute__((opencl_unroll_hint))
    for (int i = 0; i < EACH; i++) {
        int load = first + i * ITEMS;
        kept[i] = load < loads ? LOAD(logits, row * loads + load) : (VEC)(-INFINITY);
        top = fmax(top, LARGEST(kept[i]));
    }
    float largest = group_max(top, values);
    int at = INT_MAX;
    if (top == largest) {
        __attribute__((opencl_unroll_hint))
        for (int i = EACH - 1; i >= 0; i--) {
            __attribute__((opencl_unroll_hint))
            for (int e = WIDTH - 1; e >= 0; e--) {
                if (((float*)&kept[i])[e] == largest) at = (first + i * ITEMS) * WIDTH + e;
            }
        }
    }
    at = group_min(at, places);
    if (get_local_id(0) == 0) {
        size_t part = row * get_num_groups(0) + get_group_id(0);
        best[part] = largest;
        where[part] = at;
    }
}

kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1)))
void largest(const global float* best, const global int* where, global long* out,
             int count, int vocab) {
    local float values[ITEMS];
    local int places[ITEMS];
    size_t row = get_group_id(0);
    float top = -INFINITY;
    for (int i = get_local_id(0); i < count; i += ITEMS) top = fmax(top, best[row * count + i]);
    top = group_max(top, values);
    int at = vocab - 1;  // of a row of NaN, which has no largest: an id, at least
    for (int i = get_local_id(0); i < count; i += ITEMS) {
        if (best[row * count + i] == top) at = min(at, where[row * count + i]);
    }
    at = group_min(at, places);
    if (get_local_id(0) == 0) out[row] = at;
}
