#pragma once
// How an audit's report looks: to people, to programs.

#include <iosfwd>

#include "broker/ctl/audit_report.h"

namespace sluice::ctl {

void print_audit(std::ostream& out, const AuditReport& report);
void print_audit_json(std::ostream& out, const AuditReport& report);

}  // namespace sluice::ctl
