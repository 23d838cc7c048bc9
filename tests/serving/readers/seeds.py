"""One small file of each kind, for cutting at every byte and for fuzzing."""

import json

from tests.serving.readers.aiperf_files import aiperf_lines, aiperf_of_2025, aiperf_summary
from tests.serving.readers.files import lines
from tests.serving.readers.genai_perf_files import (
    genai_perf_small,
    genai_perf_summary,
    genai_perf_triton,
)
from tests.serving.readers.guidellm_files import guidellm_report, guidellm_request
from tests.serving.readers.inference_benchmarker_files import benchmarker_report
from tests.serving.readers.inference_perf_files import (
    inference_perf_first_rows,
    inference_perf_of_messages,
    inference_perf_of_server,
    inference_perf_report,
    inference_perf_rows,
)
from tests.serving.readers.ipex_llm_files import all_in_one_csv, online_log
from tests.serving.readers.llama_files import llama_bench_test, llama_server_answer
from tests.serving.readers.llmperf_files import llmperf_rows, llmperf_summary
from tests.serving.readers.mlperf_files import mlperf_summary


def _json(value):
    return json.dumps(value).encode()


SEEDS = {
    "aiperf_lines": aiperf_lines(),
    "aiperf_summary": _json(aiperf_summary()),
    "aiperf_of_2025": _json(aiperf_of_2025()),
    "genai_perf_raw": _json(genai_perf_small()),
    "genai_perf_triton": _json(genai_perf_triton()),
    "genai_perf_summary": _json(genai_perf_summary()),
    "guidellm": _json(guidellm_report([guidellm_request()], [guidellm_request()])),
    "inference_perf": _json(inference_perf_report()),
    "inference_perf_of_messages": _json(inference_perf_of_messages()),
    "inference_perf_of_server": _json(inference_perf_of_server()),
    "inference_perf_rows": _json(inference_perf_rows()),
    "inference_perf_first_rows": _json(inference_perf_first_rows()),
    "mlperf_loadgen": mlperf_summary(),
    "llama_bench": _json([llama_bench_test(), llama_bench_test(512, 0)]),
    "llama_bench_lines": lines(llama_bench_test(), llama_bench_test(512, 128)),
    "llama_server": _json(llama_server_answer()),
    "llama_server_lines": lines(llama_server_answer(), llama_server_answer(predicted_n=4)),
    "ipex_llm_all_in_one": all_in_one_csv(),
    "ipex_llm_online": online_log(),
    "inference_benchmarker": _json(benchmarker_report()),
    "llmperf": _json(llmperf_summary()),
    "llmperf_rows": _json(llmperf_rows()),
}
