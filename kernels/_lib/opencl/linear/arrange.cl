// Codes of W [PAIRED + 1 parts of n rows][k] from rows to tiles.clh's order, a work-item a word of it.
// Rows that fill up the last group are zeros. Macros: FORMAT, SUBGROUP (the group's rows).
#include "tiles.clh"

#define ROW_BYTES (BITS * 8)  // of a block

// Element e of the block that begins at `row`, in BITS bits.
inline uint element(global const uchar *row, int e) {
#if FORMAT == WOQ_INT4
    return row[e / 2] >> 4 * (e % 2) & 15;
#elif INT4
    return row[e % 32] >> 4 * (e / 32) & 15;
#elif BYTES
    return row[e];
#else
    return ((global const ushort *)row)[e];
#endif
}

kernel void arrange(global const uchar *rows, global uint *codes, const int n, const int blocks,
                    const int words) {
    const size_t at = get_global_id(0);
    if (at >= words) return;
    const int r = at % SUBGROUP, w = at / SUBGROUP % WORDS;
    const size_t tile = at / (SUBGROUP * WORDS);
    const int groups = (n + SUBGROUP - 1) / SUBGROUP;
    const int block = tile % blocks, group = tile / blocks % groups, part = tile / blocks / groups;
    const int row = group * SUBGROUP + r;
    global const uchar *from = rows + (((size_t)part * n + row) * blocks + block) * ROW_BYTES;
    uint word = 0;
    if (row < n)
        for (int i = 0; i < 32 / BITS; i++) {
            const int second = i / (16 / BITS), turn = i % (16 / BITS);
            const int s = INT4 ? turn : BYTES ? w / 8 * 2 + turn : w / 8;
            word |= element(from, 16 * s + 2 * (w % 8) + second) << BITS * i;
        }
    codes[at] = word;
}
