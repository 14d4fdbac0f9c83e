#pragma once
// What reading a partition of the ledger has come to, and the same as bytes: a snapshot, with which
// a start reads the end of the log instead of all of it. A copy, never a truth: whatever is wrong
// with one, it is dropped and the log is read from its beginning
// (docs/decisions/0021-snapshots-are-copies.md). Pure.

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "shared/base/bytes.h"
#include "shared/base/result.h"
#include "shared/ledger/fold.h"

namespace sluice::ledger {

// Where a snapshot joins the log that it was taken from: the last record that was read. A log that
// has another one there, or none, is another log, or one that was cut and has grown anew.
struct Seam {
  std::int64_t offset = -1;  // -1: nothing was read
  std::uint64_t digest = 0;  // of key and value

  friend bool operator==(const Seam&, const Seam&) = default;
};

Seam seam_at(std::int64_t offset, std::optional<ByteView> key, std::optional<ByteView> value);

struct FoldedLog {
  Fold fold;
  Seam seam;             // the record at fold.next_offset() - 1
  bool at_seam = false;  // from a snapshot, and that record was not read again yet

  // Where reading goes on: from a snapshot with the record that it ends with.
  std::int64_t start() const { return at_seam ? seam.offset : fold.next_offset(); }

  // To be asked of each record that is read: false when the log does not go on from the snapshot.
  bool goes_on(const Seam& read) { return !std::exchange(at_seam, false) || read == seam; }

  // Kept by a reader that steps over what belongs elsewhere (ledger_reader.h).
  std::set<std::string, std::less<>> sales_elsewhere;
};

// About 60 bytes an order (docs/storage-format.md). The same state need not give the same bytes.
Buffer encode_snapshot(const FoldedLog& log);

// Errors: corrupt (damaged, or of another version of the format), with what is wrong.
Result<FoldedLog> decode_snapshot(ByteView bytes);

}  // namespace sluice::ledger
