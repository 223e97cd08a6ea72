package publish

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/io"

	"github.com/paylake/paylake/sinks/lake"
)

// Place is where the lake lies, as readers of the tables know it.
type Place struct {
	Root      string             // prefix of every object: file:///folder or s3://bucket/prefix
	Warehouse string             // prefix of the tables' metadata
	Props     iceberg.Properties // how the storage is reached; no keys, those come from the environment
}

// plainPath are the paths that every reader understands alike: readers disagree
// about whether a path in table metadata is escaped.
var plainPath = regexp.MustCompile(`^[A-Za-z0-9._/=@+-]+$`)

// PlaceOf translates a lake's URL. warehouse is where metadata goes; empty for
// the lake's own folder iceberg/, which is not part of the lake. Both must be in
// one storage: a file lake has a folder, an S3 lake the same bucket.
func PlaceOf(lakeURL, warehouse string) (Place, error) {
	u, err := url.Parse(lakeURL)
	if err != nil {
		return Place{}, errors.New("the lake's URL cannot be read; write file:///folder or s3://bucket?region=…")
	}
	p := Place{Props: iceberg.Properties{}}
	switch u.Scheme {
	case "file":
		p.Root = "file://" + strings.TrimSuffix(u.Path, "/")
	case "s3":
		if err := p.s3(u); err != nil {
			return Place{}, err
		}
	default:
		return Place{}, fmt.Errorf("lake %s: tables can be published over file:// and s3:// lakes, not over %s://", u.Redacted(), u.Scheme)
	}
	p.Warehouse = strings.TrimSuffix(warehouse, "/")
	if p.Warehouse == "" {
		p.Warehouse = p.Root + "/" + strings.TrimSuffix(lake.TablesPrefix, "/")
	}
	return p, p.check()
}

// s3 translates the parameters of an S3 lake.
func (p *Place) s3(u *url.URL) error {
	q := u.Query()
	p.Root = strings.TrimSuffix("s3://"+u.Host+"/"+q.Get("prefix"), "/")
	for name := range q {
		switch value := q.Get(name); name {
		case "prefix":
			if value != "" && !strings.HasSuffix(value, "/") {
				return fmt.Errorf("lake %s: its prefix %q does not end with a slash, so it is no folder that tables can name", u.Redacted(), value)
			}
		case "region":
			p.Props[io.S3Region] = value
		case "endpoint":
			p.Props[io.S3EndpointURL] = value
		case "use_path_style", "s3ForcePathStyle":
			p.Props[io.S3ForceVirtualAddressing] = map[string]string{"true": "false", "false": "true"}[value]
		case "response_checksum_validation", "request_checksum_calculation":
			// how the lake checks what it reads; its objects are not read here
		default:
			return fmt.Errorf("lake %s: the parameter %s is not understood here; give it through the usual AWS environment, such as AWS_PROFILE", u.Redacted(), name)
		}
	}
	return nil
}

func (p *Place) check() error {
	for _, at := range []string{p.Root, p.Warehouse} {
		scheme, path, _ := strings.Cut(at, "://")
		if !plainPath.MatchString(path) {
			return fmt.Errorf("%s: readers of tables disagree about escaped paths; use a path of letters, digits and . _ - / = @ +", at)
		}
		if scheme == "file" && !strings.HasPrefix(path, "/") {
			return fmt.Errorf("%s: write an absolute path: file:///folder", at)
		}
	}
	if bucketOf(p.Root) != bucketOf(p.Warehouse) {
		return fmt.Errorf("the warehouse %s is in another storage than the lake %s; readers look for both in one", p.Warehouse, p.Root)
	}
	for _, own := range []string{"manifests", "objects", "quarantine", "tile", "checkpoints"} {
		if strings.HasPrefix(p.Warehouse+"/", p.Root+"/"+own+"/") || p.Warehouse == p.Root {
			return fmt.Errorf("the warehouse %s is inside the lake itself, where nothing else may be written; leave it out to use %s/iceberg", p.Warehouse, p.Root)
		}
	}
	return nil
}

// bucketOf is the scheme and host of a location.
func bucketOf(at string) string {
	scheme, rest, _ := strings.Cut(at, "://")
	host, _, _ := strings.Cut(rest, "/")
	return scheme + "://" + host
}
