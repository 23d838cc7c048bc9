"""Names of kernels that each stack has, and the place of those whose names do not tell."""

import re
from functools import cache
from pathlib import Path

import pytest

from tests.real_files import DATA
from truetpot.records.stack import PlacedBy, Role
from truetpot.stack.assign import assign
from truetpot.stack.roles import called_once, class_of, rule_of, rules
from truetpot.stack.trace import Gemm, read_trace

ROOT = Path(__file__).resolve().parents[2]

NAMES = {
    # vLLM on XPU: vllm-xpu-kernels, oneDNN, oneCCL
    "gemm_kernel": "gemm",
    "cutlass::gemm::kernel::GemmUniversal<Shape, MainloopIntelXeXMX16<2>>": "gemm",
    "cutlass::fmha::kernel::XeFMHAFwdKernel<Problem>": Role.ATTENTION,
    "cutlass::fmha::kernel::XeFMHAFwdSplitKVKernel<Problem>": Role.ATTENTION,
    "cutlass::fmha::kernel::ReduceSplitK<Problem>": Role.ATTENTION_REDUCTION,
    "vllm::reshape_and_cache_flash_kernel<sycl::half>": Role.ROPE_CACHE,
    "vllm::concat_and_cache_mla_kernel<sycl::half>": Role.ROPE_CACHE,
    "vllm::rotary_embedding_kernel<sycl::half, true>": Role.ROPE_CACHE,
    "vllm::rms_norm_kernel<sycl::half>": Role.NORM,
    "vllm::fused_add_rms_norm_kernel<sycl::half>": Role.NORM,
    "vllm::act_and_mul_kernel<sycl::half>": Role.ACTIVATION,
    "vllm::gelu_quick_kernel<sycl::half>": Role.ACTIVATION,
    "vllm::swiglustep_and_mul_kernel<sycl::half>": Role.ACTIVATION,
    "vllm::relu2_no_mul_kernel<sycl::half>": Role.ACTIVATION,
    "gdn::gated_delta_rule_kernel<8>": Role.ATTENTION,
    "vllm::per_token_group_quant_8bit_kernel<c10::Half>": Role.QUANTISE,
    "vllm::moe::lora_count_and_sort_expert_tokens_kernel<int>": Role.OTHER,
    "TopkToppSamplerImpl::topk_topp_sampler_kernel<0>": Role.SAMPLING,
    "RAND::exponential_2d_kernel": Role.SAMPLING,
    "vllm::xpu::p2p::p2p_all_reduce_kernel<AddF16, 8>": Role.COLLECTIVE,
    "oneccl_allreduce_pcie<sycl::half, Rt64_128_PCIE, false, 16, RingTransmit>": Role.COLLECTIVE,
    "oneccl_reduce_scatter_large_epilogue<sycl::half, true, 8, 4>": Role.COLLECTIVE,
    "AllGather<sycl::half, Rt64_PCIE, RingTransmit, 16>": Role.COLLECTIVE,
    "oneccl_allgatherv_pcie<sycl::half>": Role.COLLECTIVE,
    "triton_poi_fused_embedding_0": Role.EMBEDDING,
    "triton_red_fused__to_copy_add_fused_add_rms_norm_mm_view_1": Role.NORM,
    "triton_poi_fused_mm_mul_silu_slice_view_2": Role.ACTIVATION,
    # torch on XPU
    "at::native::xpu::ReduceKernel<4, at::native::xpu::ReduceOp<float, ArgMaxOps<float>>>":
        Role.SAMPLING,
    "at::native::xpu::Kernel<4, at::native::xpu::FillFunctor<c10::Half>>": "elementwise",
    "at::native::xpu::Kernel<4, at::native::xpu::AUnaryFunctor<float>>": "elementwise",
    "at::native::xpu::Kernel<4, at::native::xpu::BinaryFunctor<float>>": "elementwise",
    # IPEX and ipex-llm
    "xpu::xetla::hgemm_caller<1, 2>": "gemm",
    "gpu::xetla::fmha::FmhaForwardKernel<policy>": Role.ATTENTION,
    # NCCL, RCCL, torch symmetric memory
    "ncclDevKernel_AllReduce_Sum_bf16_RING_LL(ncclDevKernelArgsStorage<4096ul>)": Role.COLLECTIVE,
    "ncclSymkDevKernel_AllReduce_RSxLDMC_AGxSTMC_sum_bf16": Role.COLLECTIVE,
    "ncclDevKernel_Generic_4(ncclDevComm*, channelMasks, ncclWork*)": Role.COLLECTIVE,
    "two_shot_all_reduce_kernel_inplace<c10::BFloat16>": Role.COLLECTIVE,
    "multimem_all_reduce_kernel<c10::BFloat16>": Role.COLLECTIVE,
    "__amd_rocclr_copyBufferAligned": Role.COPY,
    "__amd_rocclr_fillBuffer": "fill",
    # vLLM, FlashInfer and flash-attention on CUDA
    "void vllm::cross_device_reduce_1stage<half, 2>": Role.COLLECTIVE,
    "void flashinfer::trtllm_allreduce_fusion::allreduce_fusion_kernel_oneshot<2>":
        Role.COLLECTIVE,
    "void flash::flash_fwd_kernel<Traits>": Role.ATTENTION,
    "void flash::flash_fwd_splitkv_kernel<Traits>": Role.ATTENTION,
    "void flash::flash_fwd_splitkv_combine_kernel<Traits>": Role.ATTENTION_REDUCTION,
    "void vllm::paged_attention_v2_kernel<half>": Role.ATTENTION,
    "void vllm::paged_attention_v2_reduce_kernel<half>": Role.ATTENTION_REDUCTION,
    "kernel_unified_attention": Role.ATTENTION,
    "reduce_segments": Role.ATTENTION_REDUCTION,
    "_fwd_grouped_kernel_stage1": Role.ATTENTION,
    "_fwd_kernel_stage2": Role.ATTENTION_REDUCTION,
    "flashinfer::BatchDecodeWithPagedKVCacheKernelMLA<2>": Role.ATTENTION,
    "flashinfer::BatchPrefillWithPagedKVCacheKernel<Traits>": Role.ATTENTION,
    "flashinfer::PersistentVariableLengthMergeStatesKernel<8>": Role.ATTENTION_REDUCTION,
    "flashinfer::PersistentVariableLengthAttentionSumKernel<8>": Role.ATTENTION_REDUCTION,
    "flashinfer::BatchQKApplyRotaryPosIdsKernel<true>": Role.ROPE_CACHE,
    "flashinfer::NVFP4QuantizeAppendPagedKVMlaCacheKernel<512>": Role.ROPE_CACHE,
    "flashinfer::sampling::ChainSpeculativeSampling<1024>": Role.SAMPLING,
    "_gumbel_sample_kernel": Role.SAMPLING,
    "fused_recurrent_gated_delta_rule_fwd_kernel": Role.ATTENTION,
    "_causal_conv1d_update_kernel": Role.ATTENTION,
    "void marlin::Marlin<half, 256, 1, 8, 8, 4, 8>": "gemm",
    "vllm::awq::group_gemm_forward_4bit_cuda_m16nXk32<128>": "gemm",
    "vllm::gptq::shuffle_4bit_kernel": "gemm",
    "wvSplitKQ_hf_sml_<half>": "gemm",
    "vllm::scaled_fp8_quant_kernel_strided_dynamic<half>": Role.QUANTISE,
    "vllm::segmented_max_reduction_strided<half>": Role.QUANTISE,
    # the routing of experts is neither attention nor sampling
    "vllm::moe::batched_moe_align_block_size_kernel": Role.OTHER,
    "vllm::moe::moe_sum_kernel<half, 2>": Role.OTHER,
    "vllm::moe::topkGatingSoftmax<4, 128>": Role.OTHER,
    "vllm::moe::moeSoftmax<256>": Role.OTHER,
    "vllm::moe::moeTopK<256>": Role.OTHER,
    "TOPK_MOE_EARLY_SOFTMAX SOFT_MAX": Role.OTHER,
    # torch on CUDA
    "nvjet_sm90_tst_64x8_64x16_4x1_v_bz_splitK_bias_TNT": "gemm",
    "void cublasLt::splitKreduce_kernel<32, 16, int, float, __nv_bfloat16>": "gemm_reduction",
    "triton_red_fused__to_copy_add_embedding_mean_mul_pow_rsqrt_0": Role.NORM,
    "triton_poi_fused__unsafe_view_mul_silu_8": Role.ACTIVATION,
    "triton_poi_fused_add_3": "elementwise",
    "Memcpy DtoD (Device -> Device)": Role.COPY,
    "Memset (Device)": "fill",
    "[CUDA memcpy Host-to-Device]": Role.COPY,
    "void at::native::reduce_kernel<512, 1, at::native::ReduceOp<float, ArgMaxOps<float>>>":
        Role.SAMPLING,
    "at::native::sampleMultinomialWithReplacement<float>": Role.SAMPLING,
    "at::native::bitonicSortKVInPlace<float>": Role.SAMPLING,
    "cub::detail::radix_sort::DeviceRadixSortOnesweepKernel<float>": Role.SAMPLING,
    # llama.cpp: SYCL, CUDA
    "reorder_mul_mat_vec_q4_k_q8_1_fused_swiglu_sycl": "gemm",
    "l2_norm_f32_sycl": Role.NORM,
    "rope_norm_sycl": Role.ROPE_CACHE,
    "k_set_rows<float, sycl::half>": Role.ROPE_CACHE,
    "k_get_rows_float<float>": Role.EMBEDDING,
    "quantize_row_q8_1_sycl": Role.QUANTISE,
    "quantize_q8_1": Role.QUANTISE,
    "quantize_mmq_q8_1<0>": Role.QUANTISE,
    "flash_attn_combine_results<128>": Role.ATTENTION_REDUCTION,
    "flash_attn_stream_k_fixup_general<128, 8, 1>": Role.ATTENTION_REDUCTION,
    # llama.cpp's Vulkan logger: the operators of ggml.c, fused ones with the fusion's name in front
    "MUL_MAT_VEC q4_K m=4096 n=1 k=4096": "gemm",
    "MUL_MAT_ADD MUL_MAT_VEC q6_K m=2048 n=1 k=6144": "gemm",
    "FLASH_ATTN_EXT dst(128,32,1,1),  q(128,1,32,1),  k(128,512,8,1)": Role.ATTENTION,
    "SOFT_MAX": Role.ATTENTION,
    "SSM_CONV_SILU SSM_CONV": Role.ATTENTION,
    "GATED_DELTA_NET": Role.ATTENTION,
    "RMS_NORM_MUL RMS_NORM(5120,1,1,1)": Role.NORM,
    "RMS_NORM_MUL_ROPE RMS_NORM(128,16,18,1)": Role.ROPE_CACHE,
    "NORM": Role.NORM,
    "GROUP_NORM": Role.NORM,
    "L2_NORM": Role.NORM,
    "GLU": Role.ACTIVATION,
    "SILU": Role.ACTIVATION,
    "GELU": Role.ACTIVATION,
    "RELU": Role.ACTIVATION,
    "XIELU": Role.ACTIVATION,
    "ROPE": Role.ROPE_CACHE,
    "ROPE_VIEW_SET_ROWS ROPE": Role.ROPE_CACHE,
    "SET_ROWS": Role.ROPE_CACHE,
    "CPY": Role.ROPE_CACHE,
    "GET_ROWS": Role.EMBEDDING,
    "ARGMAX": Role.SAMPLING,
    "ARGSORT": Role.SAMPLING,
    "TOP_K K=40 (151936,1,1,1)": Role.SAMPLING,
    "CUMSUM": Role.SAMPLING,
    "ADD": "elementwise",
    "SIGMOID": "elementwise",
    "MULTI_ADD ADD": "elementwise",
    # truetpot's own
    "attend": Role.ATTENTION,
    "_combine": Role.ATTENTION_REDUCTION,
    "gemv_runs": "gemm",
    "gemm_int4": "gemm",
    "_finish": "gemm_reduction",
    "rope": Role.ROPE_CACHE,
    "norm": Role.NORM,
    "activate": Role.ACTIVATION,
    "silu_mul": Role.ACTIVATION,
    "copy": Role.EMBEDDING,
    "copy_rows": Role.EMBEDDING,
    "largest": Role.SAMPLING,
    "pair": Role.SAMPLING,
    "pick": Role.SAMPLING,
    "push_and_norm": Role.COLLECTIVE,
    "onednn matmul jit:gemm:any": "gemm",
    # nobody's
    "binary_test": Role.UNKNOWN,
    # the range of a collective on the host, which kineto's XPU plugin names so, is no kernel
    "xccl::allreduce": Role.UNKNOWN,
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_the_role_of_a_name(name):
    assert class_of(name) == NAMES[name]


def test_only_some_are_called_once():
    assert list(called_once(["gemm_kernel", "argmax", "ROPE", "GET_ROWS"])) == [1, 3]


REFERENCE = "reference: not found in a source"
CODE = re.compile(r"[\w.-]+/[\w.-]+ [\w./-]+\.\w+@[0-9a-f]{7}")


@cache
def names_in(trace):
    """Names of the kernels in one of the real traces."""
    (file,) = DATA.rglob(trace)
    read = read_trace(file)
    if read.kernels is not None:
        return read.kernels.names
    return tuple(row.name for row in read.summary)


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.pattern.pattern[:40])
def test_where_the_names_of_a_rule_were_found(rule):
    """An own kernel and a trace's are looked up; a source's path and commit are of the form."""
    assert rule.seen and rule.source
    for source in rule.source:
        kind, _, what = source.partition(": ")
        if kind == "own":
            text = (ROOT / what).read_text()
            names = re.findall(r"(?:def|void) (\w+)", text)
            names += ["onednn matmul"] if "onednn {primitive}" in text else []
            assert any(rule_of(one) is rule for one in names), source
        elif kind == "trace":
            assert any(rule_of(one) is rule for one in names_in(what)), source
        elif kind == "code":
            assert CODE.fullmatch(what), source
        else:
            assert rule.source == (REFERENCE,)


def alternatives(pattern):
    """Of ``a(b|c)|d``: ``a(b|c)`` and ``d``."""
    depth, parts = 0, [""]
    for letter in pattern:
        depth += (letter in "([") - (letter in ")]")
        if letter == "|" and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def test_each_alternative_has_a_name():
    """Of all rules but those that neither a source nor a trace shows."""
    without = []
    for rule in rules():
        if rule.source == (REFERENCE,):
            continue
        names = [*NAMES, *(one for s in rule.source if s[:5] == "trace" for one in names_in(s[7:]))]
        matched = [one for one in names if rule_of(one) is rule]
        parts = alternatives(rule.pattern.pattern)
        without += [part for part in parts if not any(re.search(part, one) for one in matched)]
    assert without == []


def test_the_docs_and_the_head_count_the_rules():
    kinds = [{source.partition(":")[0] for source in rule.source} for rule in rules()]
    text = (ROOT / "docs/trace.md").read_text()
    head = (ROOT / "src/truetpot/stack/roles.toml").read_text()
    for kind in ("own", "trace", "code", "reference"):
        (count,) = re.findall(rf"^\| `{kind}: .*\| (\d+) \|$", text, re.MULTILINE)
        assert int(count) == sum(kind in one for one in kinds), kind
        assert re.search(rf'^#   "{kind}: .*" \({count} rules\)', head, re.MULTILINE), kind
    assert f"Each of {len(kinds)} rules" in text


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
    placed = assign(classes, [None] * len(classes), {})
    found = [role for role, one in zip(placed.roles, classes, strict=True) if one == G]
    assert found == expected
    assert placed.layers == 2


def test_a_shape_wins_over_a_place_and_a_sum_goes_with_its_product():
    classes = [G, "gemm_reduction", A, G, "gemm_reduction"]
    gemms = [Gemm(1, 9, 3), None, None, Gemm(1, 7, 3), None]
    placed = assign(classes, gemms, {(7, 3): "down"})
    assert placed.roles == [Q, Q, A, "down", "down"]
    assert placed.by[3] == PlacedBy.SHAPE


def test_elementwise_kernels_go_with_their_neighbours():
    placed = assign([E, G, E, A, G, E, G, E, G, E, G, E, Role.SAMPLING, E], [None] * 14, {})
    kinds = [placed.roles[i] for i in (0, 2, 5, 7, 9, 11, 13)]
    assert kinds[:4] == [Role.OTHER, Role.ROPE_CACHE, Role.NORM, Role.ACTIVATION]
    assert kinds[4:] == [Role.NORM, Role.SAMPLING, Role.SAMPLING]
