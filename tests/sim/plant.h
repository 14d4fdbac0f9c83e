#pragma once
// What may be wrong on purpose.

namespace sluice::sim {

// Bugs that a test plants to see that they are found.
enum class Plant : unsigned char {
  none,
  early_ack,        // the broker acknowledges before the write is durable
  release_unknown,  // the frontend frees the units of an order whose outcome it does not know
  lost_outcome,     // the worker takes an outcome for sent that never was
  lost_expiry,      // the worker never calls some unpaid orders off
  no_recall,        // the worker does not ask its database which orders it has
  lost_producers,   // the broker does not store what it knows of idempotent producers
};

}  // namespace sluice::sim
