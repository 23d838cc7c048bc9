"""Small files as OpenVINO GenAI's llm_bench writes them: log, CSV and JSON.

The lines of ``LOG_OF_2024`` are those of openvinotoolkit/openvino.genai PR #336.
"""

import csv
import io

from tests.serving.readers.files import dumped

HEADER = (  # noqa: SIM905
    "iteration model framework device pretrain_time(s) input_size infer_count generation_time(s) "
    "output_size latency(ms) 1st_latency(ms) 2nd_avg_latency(ms) precision max_rss_mem(MB) "
    "max_uss_mem(MB) max_shared_mem(MB) prompt_idx 1st_infer_latency(ms) 2nd_infer_avg_latency(ms) "
    "num_beams batch_size tokenization_time detokenization_time result_md5 start end"
).split()


def iteration(number, prompt=0, **more):
    """32 tokens in, 101 out in 2.1 s: 0.1 s to the first, then 100 steps of 20 ms."""
    return {
        "iteration": number,
        "input_size": 32,
        "infer_count": 101,
        "generation_time": 2.1,
        "output_size": 101,
        "latency": 20.79208,
        "first_latency": 100.0,
        "second_avg_latency": 20.0,
        "prompt_idx": prompt,
        **more,
    }


SLOWER = {"generation_time": 2.3, "latency": 22.77228, "second_avg_latency": 22.0}
MEAN = {"generation_time": 2.2, "latency": 21.78218, "second_avg_latency": 21.0}


def llm_bench_json(*results, **metadata):
    metadata = {
        "model": "qwq-32b", "framework": "ov", "device": "GPU", "precision": "INT4",
        "num_beams": 1, "batch_size": 1, **metadata,
    }  # fmt: skip
    averaged = {"second_avg_latency": 999.0}
    perfdata = {"compile_time": 5.5, "results": list(results), "results_averaged": averaged}
    return {"metadata": metadata, "perfdata": perfdata}


def llm_bench_csv(*results, batch=1):
    renamed = {
        "generation_time": "generation_time(s)",
        "latency": "latency(ms)",
        "first_latency": "1st_latency(ms)",
        "second_avg_latency": "2nd_avg_latency(ms)",
    }
    file = io.StringIO()
    writer = csv.DictWriter(file, HEADER)
    writer.writeheader()
    for result in results:
        row = {renamed.get(key, key): value for key, value in result.items()}
        named = {"model": "qwq-32b", "device": "GPU", "precision": "INT4", "batch_size": batch}
        writer.writerow({**named, "num_beams": 1, **row})
    writer.writerow(dict.fromkeys(HEADER, ""))
    writer.writerow({"iteration": "latency: Text/Code generation models: ms/token, all tokens"})
    return file.getvalue().encode()


RESULTS = (
    iteration(0, first_latency=900.0),
    iteration(1),
    iteration(2, **SLOWER),
)
LOG = """\
[ INFO ] ==SUCCESS FOUND==: use_case: text_gen, model_type: qwen2, model_Name: qwq-32b
[ INFO ] OPENVINO_TORCH_BACKEND_DEVICE=GPU
[ INFO ] Model path=models/qwq-32b/INT4, openvino runtime version: 2026.1.0-1, genai version: 2026.1
[ INFO ] Numbeams: 1, benchmarking iter nums(exclude warm-up): 2, prompt nums: 1
[ INFO ] [warm-up][P0] Input token size: 32, Output size: 101, Infer count: 101, \
Tokenization Time: 0.52ms, Generation Time: 2.90s, Latency: 28.7129 ms/token
[ INFO ] [warm-up][P0] First token latency: 900.00 ms, other tokens latency: 20.00 ms/token, \
len of input tokens: 32 * 1
[ INFO ] [warm-up][P0] Generated: First token latency: it is
[ INFO ] [1][P0] Input token size: 32, Output size: 101, Infer count: 101, \
Generation Time: 2.10s, Latency: 20.7921 ms/token
[ INFO ] [1][P0] First token latency: 100.00 ms, other tokens latency: 20.00 ms/token, \
len of input tokens: 32 * 1
[ INFO ] [1][P0] First infer latency: 99.00 ms, other infers latency: 19.50 ms/infer, \
inference count: 101
[ INFO ] [2][P0] Input token size: 32, Output size: 101, Infer count: 101, \
Generation Time: 2.30s, Latency: 22.7723 ms/token
[ INFO ] [2][P0] First token latency: 100.00 ms, other tokens latency: 22.00 ms/token, \
len of input tokens: 32 * 1
[ INFO ] <<< Warm-up iteration is excluded. >>>
[ INFO ] [Total] Iterations: 2
[ INFO ] [Average] P[0] Input token size: 32, 1st token latency: 100.00 ms, \
2nd token latency: 21.00 ms/token, 2nd tokens throughput: 47.62 tokens/s
"""
LOG_OF_2024 = """\
[ INFO ] [1] Batch_size=2, all input token size after padding: 32 * 2, \
all max_output_token_size: 128 * 2
[ INFO ] [1] Input token size: 64, Output size: 256, Infer count: 128, Tokenization Time: 0.70ms, \
Detokenization Time: 0.64ms, Generation Time: 38.15s, Latency: 298.04 ms/2tokens
[ INFO ] [1] First token latency: 540.01 ms/2tokens, other tokens latency: 296.11 ms/2tokens, \
len of tokens: 128 * 2
"""
SEEDS = {
    "llm_bench_json": dumped(llm_bench_json(*RESULTS, iteration(1, 1))),
    "llm_bench_csv": llm_bench_csv(*RESULTS, iteration("avg", **MEAN), iteration("mini")),
    "llm_bench_log": LOG.encode(),
    "llm_bench_log_of_2024": LOG_OF_2024.encode(),
}
