// silu(gate) * up; gate_up [m, 2 n], gate first; out [m, n]. One work-item an element.
#include "dtype.clh"

kernel void silu_mul(global const T *gate_up, global T *out, int n) {
  const int column = get_global_id(0);
  const size_t row = get_global_id(1);
  if (column >= n) return;
  const float gate = LOAD(gate_up, row * 2 * n + column);
  const float up = LOAD(gate_up, row * 2 * n + n + column);
  STORE(gate / (1.0f + exp(-gate)) * up, out, row * n + column);
}
