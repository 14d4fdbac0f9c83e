// Boost.URL, which Debian has as headers only, compiled once.
#include <boost/url/src.hpp>
