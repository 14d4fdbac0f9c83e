#pragma once
// Watched: a resource whose calls may stand still for ever, such as a database's connection, used
// on a thread of its own and given up on when it does.

#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "shared/base/result.h"
#include "shared/orders/watched_thread.h"

namespace sluice::orders {

// A server that gives no answer for so long is given up on. Longer than a statement may wait for
// another one's transaction (session.cc).
inline constexpr Millis kAnswerPatience{15'000};

// ask() belongs to one thread at a time.
template <class Resource>
class Watched {
 public:
  using Open = std::function<Result<std::unique_ptr<Resource>>()>;

  // `open`, which owns what it uses, makes the resource on its thread when it is first used, and a
  // new one after a call that was given up on.
  explicit Watched(Open open, Millis patience = kAnswerPatience)
      : open_(std::move(open)), thread_(patience), held_(std::make_shared<Held>()) {}

  // What `call` of the resource returns: a Result. Code::unavailable also when it cannot be opened,
  // and when it was given up on: then `call`, which owns what it uses, may yet end well.
  template <class Call>
  auto ask(Call call) -> std::invoke_result_t<Call&, Resource&> {
    using Answer = std::invoke_result_t<Call&, Resource&>;
    auto asked = std::make_shared<Asked<Call, Answer>>(std::move(call));
    auto done = thread_.run([held = held_, open = open_, asked] {
      asked->answer.emplace(asked->answer_of(*held, open));
    });
    if (!done) {
      held_ = std::make_shared<Held>();
      return std::unexpected(std::move(done.error()));
    }
    return std::move(*asked->answer);
  }

  // As WatchedThread's.
  void stop() { thread_.stop(); }

 private:
  using Held = std::unique_ptr<Resource>;

  template <class Call, class Answer>
  struct Asked {
    explicit Asked(Call c) : call(std::move(c)) {}

    Answer answer_of(Held& held, const Open& open) {
      if (!held) {
        auto opened = open();
        if (!opened) return std::unexpected(std::move(opened.error()));
        held = std::move(*opened);
      }
      return call(*held);
    }

    Call call;
    std::optional<Answer> answer;
  };

  const Open open_;
  WatchedThread thread_;
  std::shared_ptr<Held> held_;
};

}  // namespace sluice::orders
