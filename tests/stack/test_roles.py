"""Names of kernels that each stack has, and the place of those whose names do not tell."""

import pytest

from truetpot.records.stack import PlacedBy, Role
from truetpot.stack.place import place
from truetpot.stack.roles import called_once, class_of, rules
from truetpot.stack.trace import Gemm

NAMES = {
    # vLLM on XPU: vllm-xpu-kernels, oneDNN, oneCCL
    "gemm_kernel": "gemm",
    "cutlass::gemm::kernel::GemmUniversal<Shape, MainloopIntelXeXMX16<2>>": "gemm",
    "cutlass::fmha::kernel::XeFMHAFwdKernel<Problem>": Role.ATTENTION,
    "cutlass::fmha::kernel::XeFMHAFwdSplitKVKernel<Problem>": Role.ATTENTION,
    "cutlass::reduction::kernel::ReduceSplitK<Problem>": Role.ATTENTION_REDUCTION,
    "vllm::reshape_and_cache_flash_kernel<sycl::half>": Role.ROPE_CACHE,
    "vllm::rotary_embedding_kernel<sycl::half, true>": Role.ROPE_CACHE,
    "vllm::rms_norm_kernel<sycl::half>": Role.NORM,
    "vllm::fused_add_rms_norm_kernel<sycl::half, 8>": Role.NORM,
    "vllm::act_and_mul_vec_kernel<sycl::half>": Role.ACTIVATION,
    "gdn::gated_delta_rule_kernel<8>": Role.ATTENTION,
    "vllm::per_token_group_quant_8bit_kernel<c10::Half>": Role.QUANTISE,
    "oneccl_allreduce_pcie<sycl::half, 4>": Role.COLLECTIVE,
    "xccl::allreduce": Role.COLLECTIVE,
    # IPEX and ipex-llm
    "xpu::xetla::hgemm_caller<1, 2>": "gemm",
    "gpu::xetla::fmha::FmhaForwardKernel<policy>": Role.ATTENTION,
    # CUDA
    "nvjet_sm90_tst_64x8_64x16_4x1_v_bz_splitK_bias_TNT": "gemm",
    "void cublasLt::splitKreduce_kernel<32, 16, int, float, __nv_bfloat16>": "gemm_reduction",
    "void flash::flash_fwd_splitkv_kernel<Traits>": Role.ATTENTION,
    "void flash::flash_fwd_splitkv_combine_kernel<Traits>": Role.ATTENTION_REDUCTION,
    "ncclDevKernel_AllReduce_Sum_bf16_RING_LL(ncclDevKernelArgsStorage<4096ul>)": Role.COLLECTIVE,
    "void vllm::cross_device_reduce_1stage<half, 2>": Role.COLLECTIVE,
    "void marlin::Marlin<half, 256, 1, 8, 8, 4, 8>": "gemm",
    "triton_red_fused__to_copy_add_embedding_mean_mul_pow_rsqrt_0": Role.NORM,
    "triton_poi_fused__unsafe_view_mul_silu_8": Role.ACTIVATION,
    "triton_poi_fused_add_3": "elementwise",
    "Memcpy DtoD (Device -> Device)": Role.COPY,
    "Memset (Device)": "fill",
    "void at::native::reduce_kernel<512, 1, at::native::ReduceOp<float, ArgMaxOps<float>>>":
        Role.SAMPLING,
    # llama.cpp, SYCL and Vulkan
    "mul_mat_vec_q4_K_q8_1_sycl": "gemm",
    "MUL_MAT_VEC q4_K m=4096 n=1 k=4096": "gemm",
    "FLASH_ATTN_EXT dst(128,32,1,1)": Role.ATTENTION,
    "RMS_NORM_MUL RMS_NORM(5120,1,1,1)": Role.NORM,
    "GLU": Role.ACTIVATION,
    "ROPE": Role.ROPE_CACHE,
    "SET_ROWS": Role.ROPE_CACHE,
    "GET_ROWS": Role.EMBEDDING,
    "ADD": "elementwise",
    # truetpot's own
    "attend": Role.ATTENTION,
    "_combine": Role.ATTENTION_REDUCTION,
    "gemv_runs": "gemm",
    "gemm_int4": "gemm",
    "_finish": "gemm_reduction",
    "rope": Role.ROPE_CACHE,
    "norm": Role.NORM,
    "activate": Role.ACTIVATION,
    "copy_rows": Role.EMBEDDING,
    "largest": Role.SAMPLING,
    "push_and_norm": Role.COLLECTIVE,
    # nobody's
    "binary_test": Role.UNKNOWN,
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_the_role_of_a_name(name):
    assert class_of(name) == NAMES[name]


def test_every_rule_says_where_it_was_seen():
    for rule in rules():
        assert rule.seen and rule.source, rule.pattern.pattern
    assert list(called_once(["gemm_kernel", "argmax", "ROPE", "GET_ROWS"])) == [1, 3]


A, G, N, X, E = Role.ATTENTION, "gemm", Role.NORM, Role.ACTIVATION, "elementwise"
Q, OUT, U, D, H = Role.QKV, Role.O, Role.GATE_UP, Role.DOWN, Role.LM_HEAD


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        ([N, G, A, G, N, G, X, G] * 2 + [N, G], [Q, OUT, U, D] * 2 + [H]),
        ([N, G, G, G, A, G, N, G, G, X, G] * 2 + [N, G], [Q, Q, Q, OUT, U, U, D] * 2 + [H]),
        # silu between gate and up, as transformers' eager MLP has it
        ([N, G, A, G, N, G, X, G, E, G] * 2 + [N, G], [Q, OUT, U, U, D] * 2 + [H]),
        # everything fused into the products
        ([G, A, G, G, G] * 2 + [G], [Q, OUT, U, D] * 2 + [H]),
        # without lm_head, as of a first pipeline stage
        ([N, G, A, G, N, G, X, G] * 2, [Q, OUT, U, D] * 2),
        # norms of q and k between qkv and attention
        ([N, G, N, A, G, N, G, X, G] * 2 + [N, G], [Q, OUT, U, D] * 2 + [H]),
    ],
    ids=["fused", "in parts", "eager", "all fused", "no head", "q and k norms"],
)
def test_products_by_their_place(classes, expected):
    placed = place(classes, [None] * len(classes), {})
    found = [role for role, one in zip(placed.roles, classes, strict=True) if one == G]
    assert found == expected
    assert placed.layers == 2


def test_a_shape_wins_over_a_place_and_a_sum_goes_with_its_product():
    classes = [G, "gemm_reduction", A, G, "gemm_reduction"]
    gemms = [Gemm(1, 9, 3), None, None, Gemm(1, 7, 3), None]
    placed = place(classes, gemms, {(7, 3): "down"})
    assert placed.roles == [Q, Q, A, "down", "down"]
    assert placed.by[3] == PlacedBy.SHAPE


def test_elementwise_kernels_go_with_their_neighbours():
    placed = place([E, G, E, A, G, E, G, E, G, E, G, E, Role.SAMPLING, E], [None] * 14, {})
    kinds = [placed.roles[i] for i in (0, 2, 5, 7, 9, 11, 13)]
    assert kinds[:4] == [Role.OTHER, Role.ROPE_CACHE, Role.NORM, Role.ACTIVATION]
    assert kinds[4:] == [Role.NORM, Role.SAMPLING, Role.SAMPLING]
