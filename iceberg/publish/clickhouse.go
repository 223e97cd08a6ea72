package publish

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/apache/iceberg-go/io"

	"github.com/paylake/paylake/schemas"
)

// ClickHouseSQL is a ClickHouse query for the rows of a table that hold as of a
// state. It names no keys: for S3 the server uses its own, or they are added to
// the function.
func ClickHouseSQL(place Place, s Shown) (string, error) {
	t, ok := schemas.ByName(s.Table)
	if !ok {
		return "", fmt.Errorf("there is no table %s", s.Table)
	}
	quoted := func(name string) string { return "`" + name + "`" }
	return VisibleSQL(t, clickHouseTable(place, s.Location), quoted) +
		fmt.Sprintf("\nSETTINGS iceberg_snapshot_id = %d", s.Snapshot), nil
}

// clickHouseTable is the table function that reads a table by its folder.
func clickHouseTable(place Place, location string) string {
	scheme, rest, _ := strings.Cut(location, "://")
	if scheme == "file" {
		return "icebergLocal('" + rest + "')"
	}
	bucket, key, _ := strings.Cut(rest, "/")
	endpoint := place.Props[io.S3EndpointURL]
	if endpoint == "" {
		region := place.Props[io.S3Region]
		if region == "" {
			region = "us-east-1"
		}
		return "icebergS3('https://" + bucket + ".s3." + region + ".amazonaws.com/" + key + "')"
	}
	u, err := url.JoinPath(endpoint, bucket, key)
	if err != nil {
		u = endpoint + "/" + bucket + "/" + key
	}
	return "icebergS3('" + u + "')"
}
