// argmax: work-groups take parts of a row (`parts`), then one takes the parts (`largest`).
// DTYPE, ITEMS (of a work-group), EACH (elements a work-item reads in `parts`).
#include "group.clh"
#include "types.clh"

// The lowest index of the group's largest value; `at` of an item without a value is INT_MAX.
inline int lowest_of_largest(float* value, int at, local float* values, local int* places) {
    float top = group_max(*value, values);
    int lowest = group_min(*value == top ? at : INT_MAX, places);
    *value = top;
    return lowest;
}

kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1)))
void parts(const global TYPE(DTYPE)* logits, global float* best, global int* where, int vocab) {
    local float values[ITEMS];
    local int places[ITEMS];
    size_t row = get_group_id(1);
    int first = get_group_id(0) * ITEMS * EACH + get_local_id(0);
    float top = -INFINITY;
    int at = first < vocab ? first : INT_MAX;
    for (int i = 0; i < EACH; i++) {
        int column = first + i * ITEMS;
        float value = column < vocab ? AS(load, DTYPE)(logits, row * vocab + column) : -INFINITY;
        if (value > top) {
            top = value;
            at = column;
        }
    }
    at = lowest_of_largest(&top, at, values, places);
    if (get_local_id(0) == 0) {
        size_t part = row * get_num_groups(0) + get_group_id(0);
        best[part] = top;
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
    int at = INT_MAX;
    for (int part = get_local_id(0); part < count; part += ITEMS) {
        float value = best[row * count + part];
        if (value > top || at == INT_MAX) {
            top = value;
            at = where[row * count + part];
        }
    }
    at = lowest_of_largest(&top, at, values, places);
    // a row of NaN has no largest value: an id that is one, at least
    if (get_local_id(0) == 0) out[row] = min(at, vocab - 1);
}
