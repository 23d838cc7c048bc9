// The shape of a peak benchmark: a long chain in which two values feed each other, of 1 to 16
// elements side by side. TYPE, WIDTH, INTEGER.
#pragma OPENCL EXTENSION cl_khr_fp16 : enable

#ifdef INTEGER
#define FEED(p, q, r) ((p) * (q) + (r))
#else
#define FEED(p, q, r) mad(p, q, r)
#endif
#define ROUND x = FEED(y, x, y); y = FEED(x, y, x);
#define ROUNDS ROUND ROUND ROUND ROUND ROUND ROUND ROUND ROUND
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)

kernel void peak(global TYPE *out, TYPE seed) {
#if WIDTH == 1
    TYPE x = seed, y = (TYPE)get_local_id(0);
#else
    JOIN(TYPE, WIDTH) x, y = (JOIN(TYPE, WIDTH))(TYPE)get_local_id(0);
    for (int i = 0; i < WIDTH; i++) ((TYPE *)&x)[i] = seed + (TYPE)i;
#endif
    for (int i = 0; i < 128 / WIDTH; i++) { ROUNDS }
    TYPE sum = 0;
    for (int i = 0; i < WIDTH; i++) sum += ((TYPE *)&y)[i];
    out[get_global_id(0)] = sum;
}
