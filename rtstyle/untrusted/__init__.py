"""Files that anybody may have made: what is checked before they are used."""
