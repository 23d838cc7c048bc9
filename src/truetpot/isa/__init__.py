"""What a GPU would execute: kernels compiled offline, their machine code read and counted."""
