#pragma once
// What an audit of the ledger has found, as plain values.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::ctl {

enum class AuditVerdict : unsigned char {
  holds,
  broken,
  unchecked,  // what would tell was not given
};

std::string_view name_of(AuditVerdict verdict);

// One thing that is not as it must be.
struct Offence {
  std::string sale;   // may be empty
  std::string order;  // may be empty
  std::string what;
};

struct AuditInvariant {
  std::string_view id;    // "I1"
  std::string_view text;  // what must hold
  AuditVerdict verdict = AuditVerdict::unchecked;
  std::int64_t checked = 0;  // of `unit`
  std::string_view unit;
  std::int64_t offences = 0;
  std::vector<Offence> shown;  // the first of them
};

using AuditInvariants = std::array<AuditInvariant, 5>;

// What is on its way, and therefore not yet everywhere.
struct AuditMotion {
  std::int64_t unread = 0;      // reserves that the database has not read
  std::int64_t changing = 0;    // orders with a row that changed on the log since
  std::int64_t unanswered = 0;  // orders whose outcome is not on the log yet
  std::int64_t units = 0;       // that a frontend holds or frees differently while the log moves

  bool any() const { return unread > 0 || changing > 0 || unanswered > 0 || units > 0; }
};

struct AuditSale {
  std::string sale;
  std::int32_t partition = 0;
  std::int64_t granted = 0;
  std::int64_t held = 0;  // on the log, at its end
  std::int64_t available = 0;
  std::int64_t orders = 0;
  std::int64_t released = 0;
  std::int64_t refunds = 0;
  std::int64_t rows = 0;
  std::int64_t units_in_rows = 0;  // of placed and paid ones
  std::optional<std::int64_t> frontend;
};

struct AuditReport {
  AuditInvariants invariants;
  std::vector<AuditSale> sales;
  AuditMotion motion;
  std::int64_t records = 0;     // read from the log
  std::int64_t unreadable = 0;  // of them no events
  std::int64_t strays = 0;      // of them about sales that live in another partition

  bool broken() const;
};

}  // namespace sluice::ctl
