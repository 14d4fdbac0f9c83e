"""The sale and the rehearsal, as they are, with an Apache Kafka in the place of our broker."""

# pylint: disable=unused-import
from kafka_fixtures import broker, pipeline, server  # noqa: F401
from test_rehearsal import test_two_sales_with_everything_that_may_happen  # noqa: F401
from test_sale import test_exact_under_the_rush, test_exact_with_every_daemon_killed  # noqa: F401
