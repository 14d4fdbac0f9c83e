// Instantiates the codec for these messages.

#include "shared/wire/codec_define.h"
#include "shared/wire/messages/create_partitions.h"
#include "shared/wire/messages/create_topics.h"
#include "shared/wire/messages/delete_records.h"
#include "shared/wire/messages/delete_topics.h"
#include "shared/wire/messages/describe_cluster.h"
#include "shared/wire/messages/describe_configs.h"
#include "shared/wire/messages/incremental_alter_configs.h"

namespace sluice::wire {

SLUICE_WIRE_DEFINE_API(CreateTopics)
SLUICE_WIRE_DEFINE_API(DeleteTopics)
SLUICE_WIRE_DEFINE_API(CreatePartitions)
SLUICE_WIRE_DEFINE_API(DescribeConfigs)
SLUICE_WIRE_DEFINE_API(DescribeCluster)
SLUICE_WIRE_DEFINE_API(DeleteRecords)
SLUICE_WIRE_DEFINE_API(IncrementalAlterConfigs)

}  // namespace sluice::wire
