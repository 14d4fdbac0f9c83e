#pragma once
// Inside of broker/ctl's .cc files only: how dead letters look.

#include <boost/json.hpp>

#include "broker/ctl/dead_letter.h"
#include "broker/ctl/json.h"

namespace sluice::ctl {

// A place; numbers that are not known are null.
json::object place_json(const Place& place);

// Without the value and the headers, which may be long.
json::object letter_json(const DeadLetter& letter, const RedriveMark* mark);
// Members of the whole letter that letter_json leaves off.
void put_content(json::object& object, const DeadLetter& letter);

// All of it, for people.
void print_letter(std::ostream& out, const DeadLetter& letter, const RedriveMark* mark);

// Printable, and cut at so many bytes of the original.
std::string preview(ByteView bytes, std::size_t most);

}  // namespace sluice::ctl
