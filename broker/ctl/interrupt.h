#pragma once
// Ctrl-C and SIGTERM as something that a command asks about, so that it ends in good order. A
// second one is not different.

namespace sluice::ctl {

// From now on they do not end the program.
void catch_interrupts();
bool interrupted();

}  // namespace sluice::ctl
