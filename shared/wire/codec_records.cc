// Instantiates the codec for these messages.

#include "shared/wire/codec_define.h"
#include "shared/wire/messages/api_versions.h"
#include "shared/wire/messages/fetch.h"
#include "shared/wire/messages/init_producer_id.h"
#include "shared/wire/messages/list_offsets.h"
#include "shared/wire/messages/metadata.h"
#include "shared/wire/messages/offset_for_leader_epoch.h"
#include "shared/wire/messages/produce.h"

namespace sluice::wire {

SLUICE_WIRE_DEFINE_API(Produce)
SLUICE_WIRE_DEFINE_API(Fetch)
template void append_gathered<FetchResponse>(Buffer&, std::vector<Splice>&, const FetchResponse&,
                                             std::int16_t);
SLUICE_WIRE_DEFINE_API(ListOffsets)
SLUICE_WIRE_DEFINE_API(Metadata)
SLUICE_WIRE_DEFINE_API(ApiVersions)
SLUICE_WIRE_DEFINE_API(InitProducerId)
SLUICE_WIRE_DEFINE_API(OffsetForLeaderEpoch)

}  // namespace sluice::wire
