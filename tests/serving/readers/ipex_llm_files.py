"""Small files as ipex-llm's benchmarks write them.

From python/llm/dev/benchmark/all-in-one/run.py and docker's vllm_online_benchmark.py.
"""

ALL_IN_ONE_HEADER = (
    ",model,1st token avg latency (ms),2+ avg latency (ms/token),encoder time (ms),"
    "input/output tokens,batch_size,actual input/output tokens,num_beams,low_bit,cpu_embedding,"
    "model loading time (s),peak mem (GB),streaming,use_fp16_torch_dtype,npu_group_size\r\n"
)


def all_in_one_csv(*rows):
    given = rows or (
        "0,Qwen/QwQ-32B,1851.07,33.25,0.0,1024-128,1,1024-128,1,sym_int4,False,30.1,17.2,N/A,N/A,N/A",
        "1,Qwen/QwQ-32B,1851.5,33.5,0.0,1024-1024,2,1024-191,1,sym_int4,False,30.1,17.2,N/A,N/A,N/A",
    )
    return (ALL_IN_ONE_HEADER + "".join(row + "\r\n" for row in given)).encode()


def online_log(seconds="243.125"):
    return f"""running bench.py
model_name: Qwen1.5-14B-Chat
max_seq: 12
Warm Up: 100%|#####| 24/24 [01:36<00:00,  4.03s/req]
Request failed: 500 Server Error
Benchmarking: 100%|#####| 60/60 [04:03<00:00,  4.05s/req]
Total time for 60 requests with 12 concurrent requests: {seconds} seconds.
Average responce time: 47.6375
Token throughput: {60 * 512 / 243.125}

Average first token latency: 2300.7708935313076 milliseconds.
P90 first token latency: 3740.910985499977 milliseconds.
P95 first token latency: 3742.0932860004996 milliseconds.

Average next token latency: 60.306824265625 milliseconds.
P90 next token latency: 62.515494169413195 milliseconds.
P95 next token latency: nan milliseconds.

""".encode()


SEEDS = {
    "ipex_llm_all_in_one": all_in_one_csv(),
    "ipex_llm_online": online_log(),
}
