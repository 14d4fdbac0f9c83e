#pragma once
// The command families. Each adds its commands to the parser; a parsed command sets context.action.

namespace CLI {
class App;
}

namespace sluice::ctl {

struct Context;

void add_topic_commands(CLI::App& app, Context& context);
void add_topic_produce(CLI::App& topic, Context& context);
void add_topic_consume(CLI::App& topic, Context& context);
void add_group_commands(CLI::App& app, Context& context);
void add_delay_commands(CLI::App& app, Context& context);
void add_dlq_commands(CLI::App& app, Context& context);
void add_dlq_redrive(CLI::App& dlq, Context& context);
void add_message_commands(CLI::App& app, Context& context);
void add_order_commands(CLI::App& app, Context& context);
void add_sale_commands(CLI::App& app, Context& context);
void add_sale_changes(CLI::App& sale, Context& context);
void add_sale_audit(CLI::App& sale, Context& context);
void add_sale_export(CLI::App& sale, Context& context);
void add_backup_commands(CLI::App& app, Context& context);
void add_storage_commands(CLI::App& app, Context& context);
void add_token_command(CLI::App& app, Context& context);
void add_webhook_commands(CLI::App& app, Context& context);

}  // namespace sluice::ctl
