// Known loads in a known loop: `wide` in one run of 256 bytes, `narrow` in 2 bytes a lane, `table` an
// index that must not make `wide` look like the table.
#pragma OPENCL EXTENSION cl_khr_fp16 : enable
#pragma OPENCL EXTENSION cl_intel_subgroups : enable

__attribute__((intel_reqd_sub_group_size(16)))
kernel void probe(global const uint *wide, global const half *narrow, global const int *table,
                  global float *out, int n) {
    local float shared[16];
    float sum = 0;
    for (int i = 0; i < n; i++) {
        uint4 w = intel_sub_group_block_read4(wide + (long)table[i] * 64);
        half s = narrow[i * 16 + get_sub_group_local_id()];
        sum += s * (convert_float(w.x) + convert_float(w.y) * convert_float(w.z) - w.w);
    }
    shared[get_sub_group_local_id()] = sum;
    barrier(CLK_LOCAL_MEM_FENCE);
    out[get_global_id(0)] = native_exp(shared[get_sub_group_local_id() ^ 1]);
}
