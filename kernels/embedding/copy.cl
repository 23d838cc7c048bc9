// embedding: out[i] = table[ids[i]], a work-item four elements (the last of a row fewer).
// BITS is the unsigned type of an element's size; nothing is computed, so that is all of its type.


kernel void copy(const global long* ids, const global BITS* table, global BITS* out, int hidden) {
    size_t row = get_global_id(1);
    int at = get_global_id(0) * 4;
    const global BITS* from = table + ids[row] * hidden + at;
    global BITS* to = out + row * hidden + at;
    if (at + 4 <= hidden) {
        vstore4(vload4(0, from), 0, to);
    } else {
        for (int i = 0; i < hidden - at; i++) to[i] = from[i];
    }
}
