#pragma once
// The keys that options name, read once, at start. Errors name the option and the file, never what
// is in it.

#include "frontend/jwt.h"
#include "frontend/options.h"
#include "shared/base/random.h"
#include "shared/base/result.h"

namespace sluice::frontend {

// Of `auth: jwt`.
Result<JwtRules> jwt_rules(const Options& options);

// Of purchase tokens: from its file, or drawn.
Result<std::string> purchase_secret(const Options& options, Random& random);

}  // namespace sluice::frontend
