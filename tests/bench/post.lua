-- The load of wrk: one label per request, over as many runs as BENCH_RUNS says. Prints one line of JSON at the end.
local runs = tonumber(os.getenv("BENCH_RUNS"))
local requests = {}
local sent = 0

function init()
    local body = os.getenv("BENCH_BODY")
    local headers = {
        ["Authorization"] = "Bearer " .. os.getenv("TOKEN"),
        ["Content-Type"] = "application/json",
    }
    for i = 1, runs do
        local path = string.format("/v1/run/00000000-0000-4000-8000-%012d/gold-labels", i - 1)
        requests[i] = wrk.format("POST", path, headers, body)
    end
end

function request()
    sent = sent + 1
    return requests[sent % runs + 1]
end

-- Statuses are counted by the ingress's metrics: a response() here would cost the processors that are measured.
function done(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        '{"requests": %d, "seconds": %.6f, "mean_ms": %.3f, "p50_ms": %.3f, "p99_ms": %.3f, "max_ms": %.3f, "socket_errors": %d}\n',
        summary.requests, summary.duration / 1e6, latency.mean / 1e3,
        latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
        latency.max / 1e3, errors.connect + errors.read + errors.write + errors.timeout))
end
