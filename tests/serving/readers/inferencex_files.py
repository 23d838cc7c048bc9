"""agg_*.json as InferenceX's utils/process_result.py makes it, with made-up values."""

from tests.serving.readers.files import dumped


def agg(**more):
    """On one node: 8 cards, 48.1 output tokens a second each."""
    return {
        "hw": "b200",
        "conc": 16,
        "image": "vllm/vllm-openai:v0.13.0",
        "model": "openai/gpt-oss-120b",
        "infmax_model_prefix": "gptoss",
        "framework": "vllm",
        "precision": "fp4",
        "spec_decoding": "none",
        "disagg": False,
        "isl": 1024,
        "osl": 1024,
        "is_multinode": False,
        "tp": 8,
        "ep": 1,
        "dp_attention": "false",
        "tput_per_gpu": 96.2,
        "output_tput_per_gpu": 48.1,
        "input_tput_per_gpu": 48.1,
        "mean_ttft": 0.1,
        "median_ttft": 0.1,
        "p99.9_ttft": 0.2,
        "mean_tpot": 0.02,
        "mean_intvty": 50.0,
        "median_tpot": 0.02,
        "median_intvty": 50.0,
        "p99_tpot": 0.021,
        "std_itl": 0.001,
        "mean_itl": 0.02,
        "mean_e2el": 2.1,
        **more,
    }


def agg_of_two_nodes(**more):
    given = agg(framework="trt", disagg=True, is_multinode=True, spec_decoding="mtp", **more)
    del given["tp"], given["ep"]
    return {**given, "num_prefill_gpu": 4, "num_decode_gpu": 16, "decode_tp": 16}


def agg_of_2025():
    """The first form: no lengths, and "mtp" where it was on."""
    late = ("isl", "osl", "image", "spec_decoding", "disagg", "is_multinode", "input_tput_per_gpu")
    return {key: value for key, value in agg(mtp="on").items() if key not in late}


def agg_of_late_2026(**more):
    """With the number of cards, and how the requests ended."""
    outcome = {"status": "passed", "requested": 100, "completed": 98, "failed": 2}
    sizes = {"num_gpus": 16, "pp": 2, "dcp_size": 1, "pcp_size": 1}
    return agg(**sizes, benchmark_outcome=outcome, power_invalid_reasons=[], **more)


SEEDS = {
    "inferencex": dumped(agg()),
    "inferencex_list": dumped([agg(), agg_of_two_nodes()]),
    "inferencex_of_late_2026": dumped(agg_of_late_2026()),
    "inferencex_of_2025": dumped(agg_of_2025()),
}
