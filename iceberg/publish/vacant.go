package publish

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/apache/iceberg-go/io"
	"gocloud.dev/gcerrors"

	"github.com/paylake/paylake/sinks"
)

// vacant makes sure that a new table does not begin on top of an older one's
// metadata. Readers that are pointed at the folder, and not at the catalogue,
// take the file with the highest number, and that would be the old table's.
func (p *Publisher) vacant(ctx context.Context, location string) error {
	store, err := io.LoadFS(ctx, p.Place.Props, location)
	if err != nil {
		return fmt.Errorf("%s: %w", location, err)
	}
	list, ok := store.(io.ListableIO)
	if !ok {
		return nil
	}
	err = list.WalkDir(location+"/metadata", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name := path[strings.LastIndex(path, "/")+1:]
		// Number 0 is an empty table's, left by a publisher that died.
		if strings.HasSuffix(name, ".metadata.json") && !strings.HasPrefix(name, "00000-") {
			return fmt.Errorf("%s holds the metadata of a table that the catalogue does not have (%s); "+
				"remove that folder, or choose another --warehouse, and publish again: %w", location, name, sinks.ErrCorrupt)
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) || gcerrors.Code(err) == gcerrors.NotFound {
		return nil
	}
	return err
}
