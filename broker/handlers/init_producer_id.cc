#include "broker/handlers/handlers.h"

namespace sluice::broker {

// Idempotent producers only: each call gets an id of its own, so the epoch is always 0 and a
// producer that bumps its epoch (KIP-360) simply becomes a new one.
Task<wire::InitProducerIdResponse> handle_init_producer_id(const RequestContext& context,
                                                           wire::InitProducerIdRequest request) {
  wire::InitProducerIdResponse response;
  if (request.transactional_id) {
    response.error_code = wire::ErrorCode::transactional_id_authorization_failed;
    co_return response;
  }
  const auto id = co_await context.broker.new_producer_id();
  if (!id) {
    response.error_code = wire::ErrorCode::kafka_storage_error;
    co_return response;
  }
  response.producer_id = *id;
  response.producer_epoch = 0;
  co_return response;
}

}  // namespace sluice::broker
