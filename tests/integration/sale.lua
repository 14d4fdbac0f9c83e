-- The crowd of the sale test, for wrk. Arguments: sale, users, requests of this run, threads, folder.
-- Each thread stops after its share of answers and says so in a file, because wrk itself goes on until
-- its time is over or it is interrupted. Each 202 ("order state") is written as it comes, and
-- how many answers there were, every hundred.
local threads = {}

function setup(thread)
  thread:set("number", #threads)
  table.insert(threads, thread)
end

function init(args)
  sale, users, total = args[1], tonumber(args[2]), tonumber(args[3])
  count_threads = tonumber(args[4])
  share = math.ceil(total / count_threads)
  folder = args[5]
  accepted_file = io.open(folder .. "/accepted-" .. number, "w")
  answered_file = io.open(folder .. "/answered-" .. number, "w")
  sent, answered, accepted, replayed, conflict, unavailable, other = 0, 0, 0, 0, 0, 0, 0
  other_status = ""
  path = "/v1/sales/" .. sale .. "/orders"
  headers = { ["Content-Type"] = "application/json" }
end

function request()
  headers["X-User-Id"] = "user-" .. ((sent * count_threads + number) % users)
  sent = sent + 1
  return wrk.format("POST", path, headers, '{"quantity":1}')
end

function response(status, reply_headers, body)
  answered = answered + 1
  if status == 409 then
    conflict = conflict + 1
  elseif status == 202 then
    if reply_headers["Idempotency-Replayed"] then
      replayed = replayed + 1
    else
      accepted = accepted + 1
    end
    accepted_file:write(body:match('"order_id":"([^"]*)"'), " ", body:match('"state":"([^"]*)"'), "\n")
    accepted_file:flush()
  elseif status == 503 then
    unavailable = unavailable + 1
  else
    other = other + 1
    other_status = other_status .. " " .. status
  end
  if answered % 100 == 0 then
    answered_file:seek("set")
    answered_file:write(answered)
    answered_file:flush()
  end
  if answered == share then
    io.open(folder .. "/ended-" .. number, "w"):close()
    wrk.thread:stop()
  end
end

function done(summary, latency)
  local sum = { answered = 0, accepted = 0, replayed = 0, conflict = 0, unavailable = 0, other = 0 }
  local odd = ""
  for _, thread in ipairs(threads) do
    for name in pairs(sum) do
      sum[name] = sum[name] + thread:get(name)
    end
    odd = odd .. thread:get("other_status")
  end
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"answered":%d,"accepted":%d,"replayed":%d,"conflict":%d,"unavailable":%d,"other":%d,' ..
    '"other_status":"%s","seconds":%.3f,"p99_us":%d,"socket_errors":%d}\n',
    sum.answered, sum.accepted, sum.replayed, sum.conflict, sum.unavailable, sum.other, odd,
    summary.duration / 1e6, latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.timeout))
end
