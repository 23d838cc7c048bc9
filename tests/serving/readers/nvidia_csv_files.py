"""The CSV of AIPerf 0.13 (metrics_csv_exporter.py) and of GenAI-Perf 0.0.16 (csv_exporter.py)."""

AIPERF = """\
Metric,avg,min,max,sum,p1,p5,p10,p25,p50,p75,p90,p95,p99,std
Inter Chunk Latency (ms),40.00,,,,,,,,40.00,,,,,
Inter Token Latency (ms),20.00,19.00,21.00,,19.00,19.00,19.00,19.50,20.00,20.50,21.00,21.00,21.00,0.50
Input Sequence Length (tokens),500.00,500,500,10000,500,500,500,500,500,500,500,500,500,0.00
Output Sequence Length (tokens),101.00,101,101,2020,101,101,101,101,101,101,101,101,101,0.00
Request Latency (ms),2100.00,,,,,,,,2100.00,,,,2200.00,
Time to First Token (ms),100.00,90.00,110.00,,,,,,100.00,,,,110.00,5.00

Metric,Value
Benchmark Duration (sec),12.50
Error Request Count,1.00
Output Token Throughput (tokens/sec),161.60
Request Count,20.00
Request Throughput (requests/sec),1.60
Total Output Sequence Length (tokens),2020.00


Endpoint,GPU_Index,GPU_Name,GPU_UUID,Platform,Metric,avg,min,max
localhost:9400,0,NVIDIA H200,GPU-1,dcgm,GPU Power Usage (W),350.00,300.00,400.00
"""  # noqa: E501
GENAI_PERF = """\
Metric,avg,min,max,p99,p95,p90,p75,p50,p25,p10,p5,p1
Time To First Token (ms),100.00,90.00,110.00,110.00,110.00,110.00,105.00,100.00,95.00,90.00,90.00,90.00
Inter Token Latency (ms),20.00,19.00,21.00,21.00,21.00,21.00,20.50,20.00,19.50,19.00,19.00,19.00
Request Latency (ms),"2,100.00","2,000.00","2,200.00","2,200.00","2,200.00","2,200.00","2,150.00","2,100.00","2,050.00","2,000.00","2,000.00","2,000.00"
Output Sequence Length (tokens),101.00,101.00,101.00,101.00,101.00,101.00,101.00,101.00,101.00,101.00,101.00,101.00
Input Sequence Length (tokens),500.00,500.00,500.00,500.00,500.00,500.00,500.00,500.00,500.00,500.00,500.00,500.00

Metric,Value
Output Token Throughput (tokens/sec),161.60
Request Throughput (per sec),1.60
Request Count (count),20.00

Metric,GPU,avg,min,max,p99,p95,p90,p75,p50,p25,p10,p5,p1
GPU Power Usage (W),0,350,300,400,400,400,400,400,350,300,300,300,300
"""  # noqa: E501
GENAI_PERF_OF_2024 = """\
Metric,avg,min,max,p99,p95,p90,p75,p50,p25
Time To First Token (ms),"1,146.31",249.48,"3,485.23","3,457.97","3,349.56","3,215.06","1,330.93",640.07,286.52
Time To Second Token (ms),26.05,0.00,133.51,96.12,36.56,34.88,34.35,33.55,1.78
Request Latency (ms),"6,406.20","5,371.47","9,608.72","9,436.13","9,046.58","9,028.16","6,549.60","5,690.23","5,493.63"
Inter Token Latency (ms),30.35,27.59,35.60,35.23,33.88,32.53,31.05,30.13,29.04
Output Sequence Length (tokens),174.45,164.00,187.00,186.22,183.10,180.10,177.00,174.00,171.75
Input Sequence Length (tokens),"3,000.05","2,999.00","3,001.00","3,001.00","3,001.00","3,000.00","3,000.00","3,000.00","3,000.00"

Metric,Value
Output Token Throughput (per sec),261.25
Request Throughput (per sec),1.50
Request Count (count),40.00
"""  # noqa: E501
"""From the documentation of NVIDIA/cloudai (Apache-2.0)."""

SEEDS = {
    "aiperf_csv": AIPERF.encode(),
    "genai_perf_csv": GENAI_PERF.encode(),
    "genai_perf_csv_of_2024": GENAI_PERF_OF_2024.encode(),
}
