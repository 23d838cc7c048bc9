// silu(gate) * up; gate_up [m, 2 n], gate first; out [m, n]. A work-item takes WIDTH elements.
// DTYPE, WIDTH.
#include "vectors.clh"

kernel void silu_mul(global const TYPE(DTYPE) *gate_up, global TYPE(DTYPE) *out, int n) {
  const int loads = n / WIDTH, column = get_global_id(0);
  const size_t row = get_global_id(1);
  if (column >= loads) return;
  const VEC gate = LOAD(gate_up, row * 2 * loads + column);
  const VEC up = LOAD(gate_up, row * 2 * loads + loads + column);
  STORE(gate / (1.0f + exp(-gate)) * up, row * loads + column, out);
}
