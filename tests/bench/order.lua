-- POST of one order a request. Arguments: sale, prefix of the users. Every user is new, so the only
-- reason for a 409 is the stock.
local count = 0

function setup(thread)
  count = count + 1
  thread:set("number", count)
end

function init(args)
  path = "/v1/sales/" .. args[1] .. "/orders"
  prefix = args[2] .. "-" .. number .. "-"
  headers = { ["Content-Type"] = "application/json" }
  sent = 0
end

function request()
  sent = sent + 1
  headers["X-User-Id"] = prefix .. sent
  return wrk.format("POST", path, headers, '{"quantity":1}')
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests":%d,"seconds":%.4f,"not_2xx":%d,"socket_errors":%d,"p50_us":%d,"p99_us":%d}\n',
    summary.requests, summary.duration / 1e6, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
