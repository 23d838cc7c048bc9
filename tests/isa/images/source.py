"""The kernel that the images of tests are made of."""

SOURCE = """
kernel void NAME(global float* out, global const float4* x, int n) {
    size_t i = get_global_id(0);
    float4 sum = 0;
    for (int k = 0; k < n; k++) sum += x[i + k * 4096];
    out[i] = sum.x + sum.y + sum.z + sum.w;
}
"""
