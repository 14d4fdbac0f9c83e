// Writes the golden bytes of tests/golden/wire with franz-go's kmsg, which knows nothing of our
// codec: for each API and version one request frame (size, header, body) and one response body,
// and some record batches. The values follow from the order of the fields, so that two runs agree.
package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"hash/crc32"
	"log"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

type api struct {
	key      int16
	name     string
	min, max int16
}

var apis = []api{
	{0, "produce", 3, 11},
	{1, "fetch", 4, 12},
	{2, "list-offsets", 0, 7},
	{3, "metadata", 0, 12},
	{8, "offset-commit", 0, 8},
	{9, "offset-fetch", 0, 8},
	{10, "find-coordinator", 0, 4},
	{11, "join-group", 0, 9},
	{12, "heartbeat", 0, 4},
	{13, "leave-group", 0, 5},
	{14, "sync-group", 0, 5},
	{15, "describe-groups", 0, 5},
	{16, "list-groups", 0, 5},
	{18, "api-versions", 0, 4},
	{19, "create-topics", 0, 7},
	{20, "delete-topics", 0, 6},
	{21, "delete-records", 0, 2},
	{22, "init-producer-id", 0, 5},
	{23, "offset-for-leader-epoch", 2, 4},
	{32, "describe-configs", 0, 4},
	{37, "create-partitions", 0, 3},
	{42, "delete-groups", 0, 2},
	{44, "incremental-alter-configs", 0, 1},
	{60, "describe-cluster", 0, 1},
}

// kmsg sends these tags in every flexible version, Kafka's schemas only in later ones than given.
var notBefore = map[string]int16{
	"FetchRequest.ReplicaState":                     15,
	"FetchRequestTopicPartition.ReplicaDirectoryID": 17,
	"FetchRequestTopicPartition.HighWatermark":      18,
	"FetchResponse.Brokers":                         16,
	"ProduceResponse.Brokers":                       10,
	"ProduceResponseTopicPartition.CurrentLeader":   10,
}

type filler struct {
	version int16
	count   int
}

// Every second element of a list leaves out what can be null or empty.
func (f *filler) fill(v reflect.Value, field string, sparse bool) {
	f.count++
	n := f.count
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int8:
		v.SetInt(int64(n%5 + 1))
	case reflect.Int16:
		if strings.HasSuffix(field, "ErrorCode") {
			v.SetInt(int64(n%100 + 1))
		} else {
			v.SetInt(int64(300 + n))
		}
	case reflect.Int32:
		v.SetInt(int64(70000 + n))
	case reflect.Int64:
		v.SetInt(int64(1)<<40 + int64(n))
	case reflect.String:
		v.SetString(fmt.Sprintf("%s-%d", strings.ToLower(field), n))
	case reflect.Array:
		for i := 0; i < v.Len(); i++ {
			v.Index(i).SetUint(uint64(n+i) % 256)
		}
	case reflect.Ptr:
		if !sparse {
			v.Set(reflect.New(v.Type().Elem()))
			f.fill(v.Elem(), field, sparse)
		}
	case reflect.Slice:
		if sparse {
			return
		}
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte{0, byte(n), 0x7f, 0x80, 0xff})
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := 0; i < 2; i++ {
			f.fill(v.Index(i), field, i == 1)
		}
	case reflect.Struct:
		if d, ok := v.Addr().Interface().(interface{ Default() }); ok {
			d.Default()
		}
		for i := 0; i < v.NumField(); i++ {
			name := v.Type().Field(i).Name
			if name == "UnknownTags" || name == "Version" {
				continue
			}
			if since, ok := notBefore[v.Type().Name()+"."+name]; ok && f.version < since {
				continue
			}
			f.fill(v.Field(i), name, sparse)
		}
	default:
		log.Fatalf("%s: no values for %s", field, v.Kind())
	}
}

func write(dir, name string, content []byte) {
	if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
		log.Fatal(err)
	}
}

func messages(dir string) {
	formatter := kmsg.NewRequestFormatter(kmsg.FormatterClientID("golden-client"))
	for _, a := range apis {
		for version := a.min; version <= a.max; version++ {
			request := kmsg.RequestForKey(a.key)
			request.SetVersion(version)
			(&filler{version: version}).fill(reflect.ValueOf(request).Elem(), "", false)
			frame := formatter.AppendRequest(nil, request, 1000+int32(version))
			write(dir, fmt.Sprintf("%s-v%d-request.bin", a.name, version), frame)

			response := request.ResponseKind()
			response.SetVersion(version)
			(&filler{version: version}).fill(reflect.ValueOf(response).Elem(), "", false)
			write(dir, fmt.Sprintf("%s-v%d-response.bin", a.name, version), response.AppendTo(nil))
		}
	}
}

func records() []byte {
	var out []byte
	for i := int32(0); i < 3; i++ {
		r := kmsg.Record{
			OffsetDelta:      i,
			TimestampDelta64: int64(i) * 250,
			Key:              []byte(fmt.Sprintf("key-%d", i)),
			Value:            bytes.Repeat([]byte{'v'}, int(i)*70),
			Headers:          []kmsg.Header{{Key: "trace", Value: []byte{1, 2, byte(i)}}, {Key: "none"}},
		}
		if i == 1 {
			r.Key = nil
			r.Headers = nil
		}
		r.Length = int32(len(r.AppendTo(nil)) - 1) // the length itself takes one byte while it is 0
		out = r.AppendTo(out)
	}
	return out
}

func batch(attributes int16, content []byte) []byte {
	b := kmsg.RecordBatch{
		FirstOffset:          41,
		PartitionLeaderEpoch: 7,
		Magic:                2,
		Attributes:           attributes,
		LastOffsetDelta:      2,
		FirstTimestamp:       1700000000000,
		MaxTimestamp:         1700000000500,
		ProducerID:           9001,
		ProducerEpoch:        4,
		FirstSequence:        2147483646,
		NumRecords:           3,
		Records:              content,
	}
	b.Length = int32(len(b.AppendTo(nil)) - 12)
	const covered = 21
	sum := crc32.Checksum(b.AppendTo(nil)[covered:], crc32.MakeTable(crc32.Castagnoli))
	b.CRC = int32(sum)
	return b.AppendTo(nil)
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: generate <tests/golden/wire>")
	}
	dir := os.Args[1]
	messages(dir)
	write(dir, "record-batch-plain.bin", batch(0, records()))
	var zipped bytes.Buffer
	writer := gzip.NewWriter(&zipped)
	writer.Write(records())
	writer.Close()
	write(dir, "record-batch-gzip.bin", batch(1, zipped.Bytes()))
}
