#pragma once
// Inside of broker/ctl's .cc files only: the option of every command that asks a broker's admin
// HTTP.

#include <CLI/CLI.hpp>
#include <string>

namespace sluice::ctl {

inline constexpr const char* kAdminDefault = "127.0.0.1:9644";

// `address` holds the default, and outlives the parsing.
inline CLI::Option* add_admin_option(CLI::App& command, std::string& address) {
  return command.add_option("--admin", address, "The broker's admin_listen, as host:port")
      ->envname("SLUICE_ADMIN")
      ->capture_default_str();
}

}  // namespace sluice::ctl
