// y = x W^T, W in sym_int4: byte i of a block of 64 has weights i and i + 32, each plus 8. A sub-group
// has ROWS rows, an item 16 bytes of each.
#pragma OPENCL EXTENSION cl_khr_fp16 : enable
#define UNROLL __attribute__((opencl_unroll_hint))

inline float dot_of(const uint word, const float *v, const int scale) {
    float sum = 0;
    UNROLL for (int b = 0; b < 4; b++) {
        int low = (int)(word >> 8 * b & 15) - 8, high = (int)(word >> 8 * b + 4 & 15) - 8;
#ifdef PRODUCTS
        low *= scale, high *= scale + b;
#endif
        sum = mad((float)low, v[b], sum);
        sum = mad((float)high, v[16 + b], sum);
    }
    return sum;
}

__attribute__((intel_reqd_sub_group_size(SUBGROUP)))
__attribute__((reqd_work_group_size(SUBGROUP, 1, 1)))
kernel void faulty(global const half *x, global const uchar *codes, global const half *scales,
                   global const half *bias, global half *out, const int n, const int k) {
    const int lane = get_sub_group_local_id();
    int first = get_group_id(1) * ROWS;
#ifdef TWICE
    first = get_group_id(1) / 2 * ROWS;
#endif
#ifdef BEYOND
    first += ROWS;
#endif
    float sum[ROWS] = {0};
#ifdef CONFLICTS
    local float turned[16 * 16 * 2];
#endif
#ifdef LARGE
    local float area[12 * 1024];
    area[lane] = lane;
#endif
#ifdef FEW
    for (; first < n; first += 2 * ROWS)
#endif
#if defined(NARROW)
    for (int at = lane; at < k / 2; at += SUBGROUP)
        UNROLL for (int r = 0; r < ROWS; r++) {
            const uchar q = codes[(size_t)(first + r) * (k / 2) + at];
            sum[r] += (float)((q & 15) - 8) * (float)x[at] + (float)((q >> 4) - 8) * (float)x[at + 32];
        }
#elif defined(OVERLAP)
    // two items have the same 16 bytes, and a half of them each
    for (int at = (lane >> 1) * 16; at < k / 2; at += 128) {
        uint4 q[ROWS];
        UNROLL for (int r = 0; r < ROWS; r++)
            q[r] = vload4(0, (global const uint *)(codes + (size_t)(first + r) * (k / 2) + at));
        float v[32];
        UNROLL for (int i = 0; i < 32; i++) v[i] = x[2 * at + i];
        UNROLL for (int r = 0; r < ROWS; r++)
            sum[r] += dot_of(lane & 1 ? q[r].x : q[r].z, v, k) + dot_of(lane & 1 ? q[r].y : q[r].w, v + 4, k);
    }
#elif defined(CHASE)
    for (int at = lane * 16; at < k / 2;) {
        const uint4 q = vload4(0, (global const uint *)(codes + (size_t)first * (k / 2) + at));
        sum[0] += (float)(q.x & 15);
        at += 256 + (q.y == 0xFFFFFFFFu);
    }
#else
    for (int at = lane * 16; at < k / 2; at += 256) {
        uint4 q[ROWS];
        UNROLL for (int r = 0; r < ROWS; r++)
            q[r] = vload4(0, (global const uint *)(codes + (size_t)(first + r) * (k / 2) + at));
        float v[32];
        global const half *from = x + (at & ~31) * 2 + (at & 16);
        UNROLL for (int i = 0; i < 16; i++) v[i] = from[i], v[16 + i] = from[32 + i];
        UNROLL for (int r = 0; r < ROWS; r++) {
#ifdef CONFLICTS
            turned[lane * 16] = as_float(q[r].x), turned[lane * 16 + 256] = as_float(q[r].y);
            sub_group_barrier(CLK_LOCAL_MEM_FENCE);
            q[r].x = as_uint(turned[(15 - lane) * 16]);
#endif
            const float part = dot_of(q[r].x, v, at) + dot_of(q[r].y, v + 4, at)
                + dot_of(q[r].z, v + 8, at) + dot_of(q[r].w, v + 12, at);
            sum[r] = mad(part, (float)scales[(first + r) * (k / 64) + at / 32], sum[r]);
        }
    }
#endif
#ifdef PRIVATE
    volatile float kept[256];
    for (int i = 0; i < 256; i++) kept[i] = sum[i % ROWS];
    sum[0] += kept[(int)x[lane] & 255];
#endif
#ifdef SPILL
    // more sums than there are registers, all needed to the end
    float more[128];
    UNROLL for (int i = 0; i < 128; i++) more[i] = (float)x[lane + 16 * i];
    for (int iteration = 0; iteration < k / 64; iteration++)
        UNROLL for (int i = 0; i < 128; i++) more[i] = mad(more[i], more[(7 * i + 3) % 128], sum[i % ROWS]);
    UNROLL for (int i = 0; i < 128; i++) sum[i % ROWS] += more[i];
#endif
#ifdef LARGE
    sum[0] += area[15 - lane];
#endif
    UNROLL for (int r = 0; r < ROWS; r++) {
        const float y = sub_group_reduce_add(sum[r]);
        if (lane == 0) out[first % n + r] = y;
    }
}
